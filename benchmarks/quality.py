r"""Measure what fewer passes and lower precision cost: BLEU beside the passes and the time, of a trained model of ours.

    python -m benchmarks quality --trained CHECKPOINT --data FOLDER --source valid.en --target valid.de \
        --settings decoding_iterations=4 decoding_iterations=10,stop_unchanged=2 decoding_dtype=int8

A setting is options of decoding, named as those of fairseq-generate and joined by commas, beside those of --common.
Choose on a validation set.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Sequence
from unittest import mock

from torch import Tensor

from benchmarks.command import Command
from benchmarks.document import write_table
from benchmarks.options import add_numbers
from benchmarks.sentences import describe, read_all
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments import machine
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import Cell, cell_of
from fairseq_cmlm.experiments.decode import make_job
from fairseq_cmlm.experiments.decoding_flags import read_setting
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, by_length, widest
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.timing import alternate
from fairseq_cmlm.measures.bleu import Bleu, join_subwords
from fairseq_cmlm.render.table import Row

LEGEND = """\
BLEU: sacreBLEU, tok:none, of the joined subwords. passes: of a sentence's best candidate, mean. rows: canvases read by
the decoder for a sentence, of all its candidates in all passes, mean. seconds: for all sentences, once. x faster: than
the first setting; settings run one after the other, so other work on the machine shows.
"""
DEFAULT = ["decoding_iterations=10", *(f"decoding_iterations={passes}" for passes in (1, 2, 3, 4, 6, 8))]


def translate(system: Masked, case: Case, sentences: Sequence[Sentence]) -> tuple[Cell, int]:
    """Translate all sentences; return what came out, and the canvases read. A batch is done once before, unmeasured."""
    job, batches = make_job(case, {case.system: system}), batches_of(sentences, case.batch_size)
    job.work(job.prepare(widest(batches)))
    decoder, read = system.in_precision(case.decoding.dtype).model.decoder, []
    features = decoder.features

    def counted(canvas: Tensor, *rest: Any) -> Any:
        read.append(len(canvas))
        return features(canvas, *rest)

    with mock.patch.object(decoder, "features", counted):
        timing = alternate({case: job}, batches, 1, system.device, warm_up=False)[case]
    return cell_of(timing, by_length(sentences)), sum(read)


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, writing the files after every setting, and return the table."""
    sentences = read_all(options.source, options.target)
    if not sentences:
        raise OptionError(f"--source {options.source} and --target {options.target} have no usable pair")
    bleu = Bleu([[join_subwords(sentence.target) for sentence in sentences]], "none", tokenised=True)
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "threads": options.threads,
        "sentences": describe(sentences, f"{options.source} and {options.target}"),
        "common": options.common,
    }
    common = read_setting("--common", options.common)
    settings = {text: {**common, **read_setting("--settings", text)} for text in options.settings}
    decodings = {text: Decoding.of(**given) for text, given in settings.items()}
    rows: list[tuple[Row, dict[str, Any]]] = []
    text = ""
    for setting, given in settings.items():
        # Loaded anew: one precision at a time is in memory.
        system = Masked(options.trained, options.data, device=options.device)
        case = Case("ours", decodings[setting], options.batch_size, options.threads)
        cell, canvases = translate(system, case, sentences)
        (seconds,) = cell.rounds
        found = {"passes": cell.passes_in_turn, "rows": canvases / len(sentences), "seconds": seconds}
        score = bleu.score(cell.texts)
        details = {"setting": given, "decoding": case.decoding.signature(), "bleu": score, **found}
        first = rows[0][1]["seconds"] if rows else seconds
        rows.append(({"setting": setting, "BLEU": score, **found, "x faster": first / seconds}, details))
        text = write_table(options.output, "Quality against passes", LEGEND, rows, facts)
        print(text.splitlines()[len(facts) + 4 + len(rows)], file=sys.stderr)
    return text


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--trained", type=Path, required=True, metavar="CHECKPOINT", help="a model of ours")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="its dictionaries")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="subwords")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="their translation, line by line")
    parser.add_argument("--common", default="", metavar="SETTING", help="options of every setting")
    parser.add_argument("--settings", nargs="+", default=DEFAULT, metavar="SETTING", help=" ".join(DEFAULT))
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    add_numbers(parser, batch_size=32, threads=1)


main = Command("quality", __doc__, add_options, run)
