r"""Measure what each way of decoding gives and costs: quality beside passes, rows and time, of a trained model of ours.

    python -m benchmarks quality --trained CHECKPOINT --data FOLDER --source valid.en --target valid.de \
        --settings decoding_iterations=4 decoding_iterations=10,stop_unchanged=2 decoding_dtype=int8

A setting is options of decoding, named as those of fairseq-generate and joined by commas, beside those of --common;
another model may read as well (rescore_with=CHECKPOINT, plan_with=, search_with=, verify_with=). With --beside
CHECKPOINT, fairseq's autoregressive Transformer or a hybrid that writes from left to right, its beam search is the
first row, and the next are what it gains without masks: its hypotheses ranked by consensus, by the masked model, and
with --second by another autoregressive model; and with --lenpen 2 3 the search with other length penalties, for a
search that writes too short loses by that alone. OUTPUT.png has BLEU over seconds. Choose on a validation set.
"""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence
from unittest import mock

from torch import Tensor

from benchmarks.command import Command
from benchmarks.document import write_plot, write_table
from benchmarks.options import add_numbers
from benchmarks.sentences import describe, read_all
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments import machine
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.cells import Cell, cell_of
from fairseq_cmlm.experiments.decode import make_job
from fairseq_cmlm.experiments.decoding_flags import read_setting
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, by_length, widest
from fairseq_cmlm.experiments.subject import Subject
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.rescored import BY_ANOTHER, BY_CONSENSUS, BY_MASKED_MODEL, Rescored
from fairseq_cmlm.experiments.systems.system import FairseqSystem
from fairseq_cmlm.experiments.timing import alternate
from fairseq_cmlm.measures.measure import Gold
from fairseq_cmlm.measures.significance import TEST
from fairseq_cmlm.options import files_given
from fairseq_cmlm.render.table import Panel, Row
from fairseq_cmlm.text.subword_marks import join_subwords

LEGEND = f"""\
BLEU (tok:none) and chrF: sacreBLEU, of the joined subwords; difference: of BLEU from that of the first row ({TEST}).
length ratio: of the output's words to the reference's; where it is below 1, BLEU is lowered for it. passes: of a
sentence's best candidate, mean; of beam search, tokens. rows: canvases read by the decoder for a sentence, of all its
candidates in all passes, mean; what another model reads is in the seconds alone. seconds: for all sentences, once.
x faster: than the first row; the rows are measured one after the other, so other work on the machine shows.
"""
DEFAULT = ["decoding_iterations=10", *(f"decoding_iterations={passes}" for passes in (1, 2, 3, 4, 6, 8))]


class Way(NamedTuple):
    """A way of decoding: its name, the options given, all options, and who chooses among hypotheses of beam search.

    another  the autoregressive model that chooses
    """

    name: str
    given: dict[str, Any]
    decoding: Any
    weights: Optional[Mapping[str, float]] = None
    another: Optional[Path] = None

    @property
    def masked(self) -> bool:
        """Tell whether our model decodes, in passes."""
        return isinstance(self.decoding, Decoding)


@contextmanager
def rows_read(system: FairseqSystem, decoding: Any) -> Iterator[list[int]]:
    """Yield a list to which the canvases of each call of a masked model's decoder are added."""
    read: list[int] = []
    if not isinstance(system, Masked):
        yield read
        return
    decoder = system.in_precision(decoding.dtype).model.decoder
    features = decoder.features

    def counted(canvas: Tensor, *rest: Any) -> Any:
        read.append(len(canvas))
        return features(canvas, *rest)

    with mock.patch.object(decoder, "features", counted):
        yield read


def translate(system: FairseqSystem, case: Case, sentences: Sequence[Sentence]) -> tuple[Cell, int]:
    """Translate all sentences; return what came out, and the canvases read. A batch is done once before, unmeasured."""
    job, batches = make_job(case, {case.system: system}), batches_of(sentences, case.batch_size)
    job.work(job.prepare(widest(batches)))
    with rows_read(system, case.decoding) as read:
        timing = alternate({case: job}, batches, 1, system.device, warm_up=False)[case]
    return cell_of(timing, by_length(sentences)), sum(read)


def short(setting: str) -> str:
    """Return a setting in which a file has its folder's name and its own alone.

    >>> short("decoding_iterations=4,rescore_with=/work/en-de/teacher/averaged.pt")
    'decoding_iterations=4,rescore_with=teacher/averaged.pt'
    """
    return re.sub(r"=[^,]*/([^,/]+/[^,/]+)", r"=\1", setting)


def ways_of(options: argparse.Namespace) -> list[Way]:
    """Return the rows to measure."""
    common = read_setting("--common", options.common)
    given = {text: {**common, **read_setting("--settings", text)} for text in options.settings}
    ways = [Way(short(text), one, Decoding.of(**one)) for text, one in given.items()]
    for text, way in zip(given, ways):
        # Before the rows above it are measured, which may take an hour.
        for file in files_given(way.decoding).values():
            if not file.is_file():
                raise OptionError(f"--settings {text}: there is no file {file}")
    if options.beside is None:
        if options.lenpen or options.second:
            name = "--lenpen" if options.lenpen else "--second"
            raise OptionError(f"{name} is for the search of --beside CHECKPOINT, which is not given")
        return ways
    return [*searches_of(options), *ways]


def searches_of(options: argparse.Namespace) -> list[Way]:
    """Return the rows of beam search."""
    search = {"beam": 5}, BeamSearch(beam=5)
    searches = [
        Way("beam 5", *search),
        Way("beam 5, by consensus", *search, BY_CONSENSUS),
        Way("beam 5, rescored by the masked model", *search, BY_MASKED_MODEL),
    ]
    if options.second:
        if not options.second.is_file():
            raise OptionError(f"--second {options.second}: there is no such file")
        name = "/".join(options.second.parts[-2:])
        searches.append(Way(f"beam 5, rescored by {name}", *search, BY_ANOTHER, options.second))
    for power in options.lenpen:
        longer = {"beam": 5, "lenpen": power}, BeamSearch(beam=5, lenpen=power)
        searches.append(Way(f"beam 5, lenpen={power:g}", *longer))
    return searches


def system_of(way: Way, options: argparse.Namespace) -> FairseqSystem:
    """Return what decodes so, loaded anew: one precision at a time is in memory."""
    masked = Masked(options.trained, options.data, device=options.device)
    if way.masked:
        return masked
    search = Autoregressive(options.beside, options.data, device=options.device, flag="--beside")
    return search if way.weights is None else Rescored.of(search, masked, way.weights, way.another)


def row_of(way: Way, case: Case, results: Results, rows: Optional[float]) -> tuple[Row, dict[str, Any]]:
    """Return the row of a case beside that of the first case, and its details; `rows` of canvases were read for it."""
    cell, first = results.cells[case], next(iter(results.cells))
    scores = results.measured(case, cell.output, first)
    (seconds,), (beside,) = cell.rounds, results.cells[first].rounds
    cost = {"passes": cell.passes_in_turn, "rows": rows, "seconds": seconds}
    quality = {name: scores[name] for name in ("BLEU", "difference", "chrF")}
    quality["repeated tokens %"] = scores["repeated %"]
    quality["length ratio"] = results.score_of("length_ratio", cell.output)
    details = {"setting": way.given, "decoding": way.decoding.signature(), "bleu": scores["BLEU"], **cost}
    return {"setting": way.name, **quality, **cost, "x faster": beside / seconds}, details


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, writing the files after every row, and return the table."""
    sentences = read_all(options.source, options.target)
    if not sentences:
        raise OptionError(f"--source {options.source} and --target {options.target} have no usable pair")
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "threads": options.threads,
        "sentences": describe(sentences, f"{options.source} and {options.target}"),
        "common": options.common,
    }
    references = [join_subwords(sentence.target) for sentence in sentences]
    cells: dict[Case, Cell] = {}
    results = Results(Subject("ours"), "", Gold([references], tokenise="none", tokenised=True), cells)
    rows: list[tuple[Row, dict[str, Any]]] = []
    text = ""
    for way in ways_of(options):
        case = Case("ours" if way.masked else way.name, way.decoding, options.batch_size, options.threads)
        cells[case], read = translate(system_of(way, options), case, sentences)
        rows.append(row_of(way, case, results, read / len(sentences) if way.masked else None))
        text = write_table(options.output, "Quality of ways of decoding", LEGEND, rows, facts)
        points = {str(row["setting"]): [(more["seconds"], more["bleu"])] for row, more in rows}
        write_plot(options.output, "Quality against time", [Panel("seconds", "BLEU", points, log=True)])
        print(text.splitlines()[len(facts) + 4 + len(rows)], file=sys.stderr)
    return text


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--trained", type=Path, required=True, metavar="CHECKPOINT", help="a model of ours")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="its dictionaries")
    parser.add_argument("--beside", type=Path, metavar="CHECKPOINT", help="its beam search is the first row")
    parser.add_argument("--second", type=Path, metavar="CHECKPOINT", help="ranks what that search finds")
    parser.add_argument("--lenpen", type=float, nargs="+", default=[], metavar="POWER", help="its length penalties")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="subwords")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="their translation, line by line")
    parser.add_argument("--common", default="", metavar="SETTING", help="options of every setting")
    parser.add_argument("--settings", nargs="+", default=DEFAULT, metavar="SETTING", help=" ".join(DEFAULT))
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    add_numbers(parser, batch_size=32, threads=1)


main = Command("quality", __doc__, add_options, run)
