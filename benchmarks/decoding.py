r"""Measure how fast translations are made: ours, fairseq's decoders, and CTranslate2, in one run.

    python -m benchmarks decoding
        a first table in about 5 minutes
    python -m benchmarks decoding --lengths news --sentences 256 --rounds 5 --batch-sizes 1 8 32 128 \
        --iterations 4 10 --candidates 1 3 5 --threads 1 2
        the full grid, more than a day on 2 cores; with a GPU also with --device cuda --threads 1

The models have random weights and decode the lengths of the references, so that speed alone is compared; or they are
trained ones (--trained ours=A.pt fairseq-cmlm=B.pt 6-6=C.pt 12-1=D.pt), which choose their lengths themselves. Then
BLEU stands beside the speed, and OUTPUT.png shows BLEU against the time of a sentence. The runtime's are of bundles
that are exported for it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from benchmarks.catalogue import OURS, RUNTIME, Competitor, catalogue, chosen, random_systems, systems_of
from benchmarks.checked import Checked, work_on
from benchmarks.command import Command
from benchmarks.document import write_plot, write_table
from benchmarks.memory import peak_of
from benchmarks.options import add_common, add_sentences, facts_of, positive, sentences_of, size_of
from benchmarks.rows import LEGEND, Line, details_of, quality_panels, row_of
from benchmarks.sentences import describe
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.decoding_flags import add_decoding_flags, given_decoding
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, widest
from fairseq_cmlm.experiments.systems import ctranslate2, runtime
from fairseq_cmlm.experiments.systems.system import System
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.options import declared, flag_of
from fairseq_cmlm.render.table import Row
from fairseq_cmlm.text.subword_marks import join_subwords


def competitors_of(options: argparse.Namespace) -> list[Competitor]:
    """Return those asked for that can run here; a line says where rows of CTranslate2 or the runtime are left out."""
    # Random weights say nothing about when passes may end.
    presets = PRESETS if options.trained else ["full"]
    found = chosen(catalogue(size_of(options).autoregressive_layers, options.device, list(presets)), options.systems)
    if options.trained:
        found = [one for one in found if one.model in options.trained]
    given = [one for one in declared(Decoding) if one.name in options.decoding]
    lacking = [flag_of(one) for one in given if one.name not in runtime.OPTIONS]
    if any(one.kind == RUNTIME for one in found) and (lacking or not runtime.HAS_ONNX):
        reason = f"the runtime has no {lacking[0]}, and its rows are left out" if lacking else runtime.MISSING
        print(reason, file=sys.stderr)
        found = [one for one in found if one.kind != RUNTIME]
    if not ctranslate2.HAS_CTRANSLATE2 and any(one.kind == "ctranslate2" for one in found):
        print(ctranslate2.MISSING, file=sys.stderr)
        found = [one for one in found if one.kind != "ctranslate2"]
    if not found:
        raise OptionError(f"--systems {' '.join(options.systems)} leaves none that can be measured with these options")
    return found


def peers_of(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Return the systems to compare with: those of --peers, else fairseq's masked one and its even one with beam 5."""
    default = ["fairseq-cmlm", f"fairseq-{options.layers}-{options.layers}-beam5"]
    missing = [name for name in options.peers or [] if name not in names]
    if missing:
        raise OptionError(f"--peers {missing[0]} is none of the systems measured: {', '.join(names)}")
    return options.peers or [name for name in default if name in names]


@contextmanager
def make_systems(options: argparse.Namespace, competitors: Sequence[Competitor]) -> Iterator[dict[str, System]]:
    """Yield the systems by name, with random weights unless they are trained."""
    if not options.trained:
        with random_systems(options, competitors) as systems:
            yield systems
        return
    checkpoints = {name: Path(path) for name, path in options.trained.items()}
    with tempfile.TemporaryDirectory() as work:
        yield systems_of(competitors, checkpoints, options.data, options.device, Path(work))


def lines_of(
    competitors: Sequence[Competitor], options: argparse.Namespace, batch_size: int, threads: int
) -> list[Line]:
    """Return the rows with one batch size and number of threads. Untrained models decode the references' lengths."""
    found = []
    for one in competitors:
        forced = not options.trained
        if not one.masked:
            search = BeamSearch(gold_target_length=forced, **one.options)
            found.append(Line(Case(one.name, search, batch_size, threads), None, None))
            continue
        # A preset has passes and candidates of its own.
        own = one.options.get("preset", "full") != "full"
        for passes, size in [(None, None)] if own else product(options.iterations, options.candidates):
            measured = {} if own else {"iterations": passes, "length_beam": size}
            decoding = _masked_decoding(one, options.decoding, measured, forced)
            found.append(Line(Case(one.name, decoding, batch_size, threads), passes, size))
    return found


def _masked_decoding(one: Competitor, given: Mapping[str, Any], measured: Mapping[str, Any], forced: bool) -> Decoding:
    """Return how a masked competitor decodes: ours as is given, except for what is measured."""
    given = given if one.kind in (OURS, RUNTIME) else {}
    return Decoding.of(**{**given, **one.options, **measured, **({"gold_target_length": True} if forced else {})})


def measure(
    options: argparse.Namespace, systems: Mapping[str, System], lines: Sequence[Line], sentences: Sequence[Sentence]
) -> list[tuple[Row, dict[str, Any]]]:
    """Return the rows of lines with one batch size and number of threads, and their details."""
    cases = list(dict.fromkeys(line.case for line in lines))
    batch = widest(batches_of(sentences, cases[0].batch_size))
    memory = {}
    for case in cases:
        unloaded = {case.system: replace(systems[case.system])}  # type: ignore[type-var]
        memory[case] = peak_of(work_on, (case, unloaded, batch), options.device)
    cells = decode(cases, systems, sentences, options.rounds, make=Checked)
    references = [join_subwords(sentence.target) for sentence in sentences]
    bleu = Bleu([references], "none", tokenised=True) if options.trained else None
    found = [details_of(line, lines, cells, memory[line.case], options.peers, bleu) for line in lines]
    return [(row_of(details), details) for details in found]


def run(options: argparse.Namespace, command: str) -> str:
    """Measure everything, writing the files as the rows come, and return the table."""
    competitors = competitors_of(options)
    options.peers = peers_of(options, [one.name for one in competitors])
    sentences, origin = sentences_of(options, real=bool(options.trained))
    trained = ", ".join(f"{name} {path}" for name, path in options.trained.items())
    weights = f"trained, own lengths: {trained}" if trained else "random weights, references' lengths"
    facts = facts_of(options, command, weights, sentences=describe(sentences, origin))
    text, rows = "", []
    with make_systems(options, competitors) as systems:
        for batch_size, threads in product(options.batch_sizes, options.threads):
            lines = lines_of(competitors, options, batch_size, threads)
            print(f"batch size {batch_size}, threads {threads}: {len(lines)} rows", file=sys.stderr)
            rows += measure(options, systems, lines, sentences)
            text = write_table(options.output, "Decoding speed", LEGEND, rows, facts)
            if options.trained:
                write_plot(options.output, "Quality against latency", quality_panels([more for _, more in rows]))
    return text


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_sentences(parser)
    add_common(parser)
    numbers: dict[str, Any] = {"type": positive, "nargs": "+", "metavar": "N"}
    parser.add_argument("--batch-sizes", default=[8], **numbers, help="sentences (default: 8)")
    parser.add_argument("--iterations", default=[10], **numbers, help="T of the masked decoders (default: 10)")
    parser.add_argument("--candidates", default=[5], **numbers, help="l of the masked decoders (default: 5)")
    parser.add_argument("--threads", default=[1], **numbers, help="default: 1")
    parser.add_argument("--systems", nargs="+", default=["*"], metavar="PATTERN", help="only those of these names")
    parser.add_argument("--peers", nargs="+", metavar="SYSTEM", help="compare with these")
    parser.add_argument("--trained", nargs="+", default=[], metavar="MODEL=CHECKPOINT", help="measure trained models")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the dictionaries of the trained models")
    add_decoding_flags(parser)


def check(options: argparse.Namespace) -> None:
    """Raise where options do not go together; else make `trained` a dict, and `decoding` what is given for ours."""
    options.decoding = given_decoding(vars(options))
    for name, flag, other in (
        ("iterations", "--decoding-iterations", "--iterations"),
        ("dtype", "--decoding-dtype", "--systems: a system has its own numbers"),
        ("length_beam", "--length-beam", "--candidates"),
    ):
        if name in options.decoding:
            raise OptionError(f"{flag} {options.decoding[name]} is for other commands: use {other}")
    options.trained = dict(pair.partition("=")[::2] for pair in options.trained)
    largest = max(options.batch_sizes)
    if largest > options.sentences:
        raise OptionError(f"--batch-sizes {largest} is more than --sentences {options.sentences}: use more sentences")
    for name in options.trained:
        models = size_of(options).architectures()
        if name not in models:
            raise OptionError(f"--trained {name}= is none of {', '.join(models)} (the numbers follow --layers)")
    if options.trained and (options.data is None or options.source is None):
        raise OptionError("--trained needs --data, --source and --target: trained models translate a real text")


main = Command("decoding", __doc__, add_options, run, check)
