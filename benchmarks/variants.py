r"""Measure what decoding costs in the models of an ablation table, with random weights and the references' lengths.

    python -m benchmarks variants --table examples/multi30k/depth.txt --sentences 32 --batch-sizes 1 --rounds 3

A line's options follow those of the size (by default that of the recipes of small models), as those of the recipe do in
examples/ablations/run.sh. All models decode the same sentences in turn.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.checked import Checked
from benchmarks.command import Command
from benchmarks.document import fields, ratio_cell, write_table
from benchmarks.models import Size, random_checkpoint, words_of, write_dictionaries
from benchmarks.options import add_common, add_sentences, facts_of, positive, sentences_of, size_of
from benchmarks.sentences import describe
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import Cell
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.timing import speed_ratios, spread
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.render.table import Row

LEGEND = """\
parameters: millions. ms: a sentence, in the median round, encoder and length prediction included. x NAME: how many
times as fast as the table's first model with the same T and l, the median of all rounds (least-greatest).
"""


def variants_of(table: Path) -> dict[str, list[str]]:
    """Return the options of each line of an ablation table, by its name."""
    lines = [line.split("|") for line in read_lines(table) if line.strip() and not line.startswith("#")]
    wrong = next((parts for parts in lines if len(parts) != 3), None)
    if wrong is not None or not lines:
        raise OptionError(
            f"--table {table} must have lines NAME | MODEL | OPTIONS: {'|'.join(wrong or ['there is none'])}"
        )
    return {name.strip(): shlex.split(options) for name, _, options in lines}


def masked_models(
    size: Size, variants: dict[str, list[str]], folder: Path, seed: int, device: str
) -> dict[str, tuple[Masked, int]]:
    """Return the system of each variant with random weights, and the number of its parameters."""
    write_dictionaries(folder, words_of(size))
    base, made = size.architectures()["ours"], {}
    for name, options in variants.items():
        path = folder / f"{name}.pt"
        parameters = random_checkpoint([*base, *options], folder, path, seed)
        made[name] = Masked(path, folder, device=device), parameters
    return made


def row_of(name: str, case: Case, cells: dict[Case, Cell], first: Case, parameters: int) -> tuple[Row, dict[str, Any]]:
    """Return a row of the table, and the same unrounded."""
    decoding, cell = case.decoding, cells[case]
    assert isinstance(decoding, Decoding)
    ms = 1000 * spread(cell.rounds).median / len(cell.texts)
    ratio = spread(speed_ratios(cells[first].rounds, cell.rounds))
    row: Row = {"model": name, "parameters": f"{parameters / 1e6:.2f}", "T": decoding.iterations}
    row |= {
        "l": decoding.length_beam,
        "batch": case.batch_size,
        "ms": f"{ms:.1f}",
        f"x {first.system}": ratio_cell(ratio),
    }
    return row, {**row, "parameters": parameters, "ms": ms, "ratio": fields(ratio), "seconds": cell.seconds}


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    sentences, origin = sentences_of(options)
    variants = variants_of(options.table)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        made = masked_models(size_of(options), variants, Path(work), options.seed, options.device)
        systems = {name: system for name, (system, _) in made.items()}
        for batch, passes, length_beam in product(options.batch_sizes, options.iterations, options.candidates):
            decoding = Decoding.of(iterations=passes, length_beam=length_beam, gold_target_length=True)
            cases = {name: Case(name, decoding, batch, options.threads) for name in made}
            cells = decode(list(cases.values()), systems, sentences, options.rounds, make=Checked)
            first = next(iter(cases.values()))
            rows += [row_of(name, case, cells, first, made[name][1]) for name, case in cases.items()]
    facts = facts_of(options, command, threads=options.threads, sentences=describe(sentences, origin))
    return write_table(options.output, "Decoding with the models of a table", LEGEND, rows, facts)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--table", type=Path, required=True, help="of examples/ablations/run.sh")
    add_sentences(parser)
    add_common(parser)
    parser.set_defaults(features=256, layers=3, vocabulary=4105)
    numbers: dict[str, Any] = {"type": positive, "nargs": "+", "metavar": "N"}
    parser.add_argument("--batch-sizes", default=[1], **numbers, help="sentences (default: 1)")
    parser.add_argument("--iterations", default=[4, 10], **numbers, help="T (default: 4 10)")
    parser.add_argument("--candidates", default=[1, 5], **numbers, help="l (default: 1 5)")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default: %(default)s")


main = Command("variants", __doc__, add_options, run)
