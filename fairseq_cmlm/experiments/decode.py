"""Decoding a text with several cases in turn."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import torch

from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import Cell, cell_of
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, by_length
from fairseq_cmlm.experiments.systems.system import Decoded, System
from fairseq_cmlm.experiments.timing import Job, alternate
from fairseq_cmlm.text.subword_marks import join_subwords


def make_job(case: Case, systems: Mapping[str, System]) -> Job[Decoded]:
    """Prepare the system of a case, and set the process to the case's number of threads."""
    torch.set_num_threads(case.threads)
    return systems[case.system].job(case.decoding, case.threads)


def decode(
    cases: Sequence[Case],
    systems: Mapping[str, System],
    sentences: Sequence[Sentence],
    rounds: int,
    *,
    make: Callable[[Case, Mapping[str, System]], Job[Decoded]] = make_job,
    join: Callable[[Sequence[str]], str] = join_subwords,
    **timing: Any,
) -> dict[Case, Cell]:
    """Decode a text with all cases in turn; they have one batch size and one number of threads.

    make    makes the job of a case
    join    subwords to text
    timing  options of `alternate`
    """
    first = cases[0]
    jobs = {case: make(case, systems) for case in cases}
    batches = batches_of(sentences, first.batch_size)
    timings = alternate(jobs, batches, rounds, systems[first.system].device, **timing)
    return {case: cell_of(timing, by_length(sentences), join) for case, timing in timings.items()}
