"""The interface of a system, and the common part of systems that fairseq loads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Optional, Sequence

from fairseq import utils

from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.timing import Job
from fairseq_cmlm.files import file_digest


class Decoded(NamedTuple):
    """The result of a system for one sentence.

    tokens   its best translation, subwords
    lengths  of all its candidates or hypotheses, tokens with `</s>`
    passes   of each of them, and then of those that were given up: how often the decoder was called for it
    others   the candidates or hypotheses after the best one, subwords, where they are known
    in_turn  passes made one after the other for the sentence; None: those of the best
    """

    tokens: list[str]
    lengths: list[int]
    passes: list[int]
    others: Sequence[list[str]] = ()
    in_turn: Optional[int] = None


class System:
    """A model that can decode, on one `device`, as torch names it."""

    device: str

    def job(self, decoding: Any, threads: int) -> Job[Decoded]:
        """Prepare it to decode as a case says: by a Decoding if it is masked, else by a BeamSearch."""
        raise NotImplementedError


class Loaded(NamedTuple):
    """A model and its task."""

    task: Any
    model: Any


@dataclass(frozen=True)
class FairseqSystem(System):
    """A model that fairseq loads, once it is needed; `dataclasses.replace(system)` is one that is not loaded.

    data       folder of the dictionaries; None where the checkpoint's own are to be found
    languages  source and target, where the checkpoint does not tell them
    """

    checkpoint: Path
    data: Optional[Path] = None
    languages: tuple[Optional[str], Optional[str]] = (None, None)
    device: str = "cpu"

    @cached_property
    def digest(self) -> str:
        """Return the hash of the checkpoint."""
        return file_digest(self.checkpoint)

    def load(self) -> Loaded:
        """Load the model as it was trained."""
        raise NotImplementedError

    @cached_property
    def loaded(self) -> Loaded:
        """Return the model, loaded once."""
        return self.load()


class Sample(NamedTuple):
    """A batch: fields as fairseq collates them; row i holds sentence order[i] of the batch."""

    fields: dict[str, Any]
    order: list[int]


class GeneratorJob:
    """A generator of fairseq's contract at work."""

    def __init__(self, loaded: Loaded, generator: Any, device: str) -> None:
        self.task, self.model = loaded
        self._generator, self._device = generator, device

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """Collate the sources as the task does for fairseq-interactive."""
        encode = self.task.source_dictionary.encode_line
        tokens = [encode(" ".join(sentence.source), add_if_not_exist=False).long() for sentence in batch]
        dataset = self.task.build_dataset_for_inference(tokens, [len(one) for one in tokens])
        fields = dataset.collater([dataset[i] for i in range(len(batch))])
        return Sample(utils.apply_to_sample(lambda tensor: tensor.to(self._device), fields), fields["id"].tolist())

    def work(self, prepared: Sample) -> Any:
        """Return the generator's hypotheses, a list for each row."""
        return self._generator.generate([self.model], prepared.fields)

    def finish(self, batch: Sequence[Sentence], prepared: Sample, result: Any) -> list[Decoded]:
        """Return what was done; an autoregressive decoder makes a pass a token."""
        lengths = [[one.get("length", len(one["tokens"])) for one in found] for found in result]
        # A candidate that was given up has cost its passes, too.
        costs = [[*found, *found[0].get("given_up", [])] for found in result]
        passes = [[one.get("steps", len(one["tokens"])) for one in found] for found in costs]
        return self.decoded(prepared, result, lengths, passes, [found[0].get("passes") for found in result])

    def decoded(
        self,
        prepared: Sample,
        result: Any,
        lengths: list[list[int]],
        passes: list[list[int]],
        in_turn: Optional[Sequence[Optional[int]]] = None,
    ) -> list[Decoded]:
        """Return the words of the hypotheses, with lengths and passes, in the order of the batch."""
        string = self.task.target_dictionary.string
        words = [[str(string(one["tokens"])).split() for one in found] for found in result]
        best, others = [found[0] for found in words], [found[1:] for found in words]
        rows = dict(zip(prepared.order, map(Decoded, best, lengths, passes, others, in_turn or [None] * len(best))))
        return [rows[i] for i in sorted(rows)]
