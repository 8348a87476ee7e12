r"""How fast translations are made: ours, fairseq's masked and autoregressive decoders, and CTranslate2, in one run.

    python -m benchmarks decoding
        a first table in about 5 minutes
    python -m benchmarks decoding --lengths news --sentences 256 --rounds 5 --batch-sizes 1 8 32 128 \
        --iterations 4 10 --candidates 1 3 5 --threads 1 2
        the full grid, more than a day on 2 cores; with a GPU also with --device cuda --threads 1

The models have random weights and decode the lengths of the references, so that speed alone is compared; or they are
trained ones (--trained ours=A.pt fairseq-cmlm=B.pt 6-6=C.pt 12-1=D.pt), which choose their lengths themselves, and BLEU
stands beside the speed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Iterator, Sequence

from benchmarks import autoregressive, machine, models
from benchmarks.command import command
from benchmarks.decoders import Checked, work_on
from benchmarks.measuring import alternate
from benchmarks.memory import peak_of
from benchmarks.options import parse, sentences_of, size_of
from benchmarks.report import document, write
from benchmarks.rows import HEAD, LEGEND, Row, make_row
from benchmarks.sentences import Sentence, batches_of, describe, widest
from benchmarks.systems import Case, Environment, System, catalogue, chosen
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.decoding_options import PRESETS


def systems_of(options: argparse.Namespace) -> list[System]:
    """The systems asked for that can run here. CTranslate2's are left out, with a line that says so, without it."""
    # Random weights say nothing about when passes may end.
    presets = PRESETS if options.trained else ["full"]
    systems = chosen(catalogue(size_of(options).autoregressive_layers, options.device, list(presets)), options.systems)
    if options.trained:
        systems = [system for system in systems if system.model in options.trained]
    if not autoregressive.HAS_CTRANSLATE2 and any(system.kind == "ctranslate2" for system in systems):
        print(autoregressive.WITHOUT_CTRANSLATE2, file=sys.stderr)
        systems = [system for system in systems if system.kind != "ctranslate2"]
    return systems


def peers_of(options: argparse.Namespace, systems: Sequence[System]) -> list[str]:
    """The systems to compare with: those of --peers, else fairseq's masked one and its even one with beam 5."""
    names = [system.name for system in systems]
    default = ["fairseq-cmlm", f"fairseq-{options.layers}-{options.layers}-beam5"]
    missing = [name for name in options.peers or [] if name not in names]
    if missing:
        raise OptionError(f"--peers {missing[0]} is none of the systems measured: {', '.join(names)}")
    return options.peers or [name for name in default if name in names]


def make_environment(options: argparse.Namespace, systems: Sequence[System], work: Path) -> Environment:
    """The checkpoints that the systems need, made in `work` unless they are trained ones."""
    size, needed = size_of(options), {system.model for system in systems}
    if options.trained:
        data, checkpoints = options.data, {name: Path(path) for name, path in options.trained.items()}
    else:
        data = work
        models.write_dictionaries(work, models.words_of(size))
        architectures = {name: found for name, found in size.architectures().items() if name in needed}
        checkpoints = models.write_random_checkpoints(architectures, work, options.seed)
    converted = {
        name: autoregressive.convert(checkpoints[name], data, work / f"{name}.ctranslate2")
        for name in sorted({system.model for system in systems if system.kind == "ctranslate2"})
    }
    return Environment(checkpoints, converted, data, options.device, forced=not options.trained)


def cases_of(systems: Sequence[System], options: argparse.Namespace, batch_size: int, threads: int) -> list[Case]:
    """The rows with one batch size and number of threads."""
    found = []
    for system in systems:
        grid = product(options.iterations, options.candidates) if system.masked else [(None, None)]
        found += [Case(system, iterations, candidates, batch_size, threads) for iterations, candidates in grid]
    return found


def measure(
    options: argparse.Namespace, environment: Environment, cases: Sequence[Case], batches: Sequence[list[Sentence]]
) -> list[Row]:
    """The rows of cases with one batch size and number of threads."""
    memory = {case: peak_of(work_on, (case, environment, widest(batches)), options.device) for case in cases}
    decoders = {case: Checked(case, environment) for case in cases}
    timings = alternate(decoders, batches, options.rounds, options.device)
    references = [sentence.target for batch in batches for sentence in batch] if options.trained else None
    return [make_row(case, timings, memory[case], options.peers, references) for case in cases]


def rows_of(
    options: argparse.Namespace, systems: Sequence[System], environment: Environment, sentences: Sequence[Sentence]
) -> Iterator[list[Row]]:
    """The rows so far, each time that a batch size and number of threads are through."""
    rows: list[Row] = []
    for batch_size, threads in product(options.batch_sizes, options.threads):
        cases = cases_of(systems, options, batch_size, threads)
        print(f"batch size {batch_size}, threads {threads}: {len(cases)} rows", file=sys.stderr)
        rows += measure(options, environment, cases, batches_of(sentences, batch_size))
        yield rows


def run(options: argparse.Namespace, command: str) -> str:
    """Measure everything, writing the files as the rows come, and return the table."""
    systems = systems_of(options)
    options.peers = peers_of(options, systems)
    sentences, origin = sentences_of(options, real=bool(options.trained))
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "seed": options.seed,
        "sentences": describe(sentences, origin),
        "models": describe_models(options),
        "rounds": options.rounds,
    }
    table = ""
    with tempfile.TemporaryDirectory() as work:
        environment = make_environment(options, systems, Path(work))
        for rows in rows_of(options, systems, environment, sentences):
            head = [*HEAD, *(f"x {peer}" for peer in options.peers), *(["BLEU"] if options.trained else [])]
            table = document("Decoding speed", facts, head, [row.cells() for row in rows], LEGEND)
            write(options.output, table, facts, [row.as_dict() for row in rows])
    return table


def describe_models(options: argparse.Namespace) -> str:
    """What the systems run on."""
    if options.trained:
        return f"trained, own lengths: {', '.join(f'{name} {path}' for name, path in options.trained.items())}"
    size = size_of(options)
    return f"random weights, references' lengths; D {size.features}, {size.layers} layers, V {size.vocabulary}"


main = command("decoding", lambda arguments: parse(arguments, __doc__ or ""), run)
