r"""What fewer passes and lower precision cost: BLEU beside the passes and the time, of a trained model of ours.

    python -m benchmarks quality --trained CHECKPOINT --data FOLDER --source valid.en --target valid.de \
        --settings decoding_iterations=4 decoding_iterations=10,stop_unchanged=2 decoding_dtype=int8

A setting is options of --task translation_cmlm, joined by commas, beside those of --common. Choose on a validation set.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import torch
from torch import Tensor

from benchmarks import machine
from benchmarks.command import command
from benchmarks.models import Loaded, load
from benchmarks.report import document, write
from benchmarks.rows import bleu
from benchmarks.sample import make_sample, words
from benchmarks.sentences import Sentence, batches_of, describe, read_all
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.decoding_options import NOTHING_GIVEN

HEAD = ["setting", "BLEU", "passes", "rows", "seconds", "x faster"]
LEGEND = """\
BLEU: sacreBLEU, tok:none, of the joined subwords. passes: of a sentence's best candidate, mean. rows: canvases read by
the decoder for a sentence, of all its candidates in all passes, mean. seconds: for all sentences, once. x faster: than
the first setting; settings run one after the other, so other work on the machine shows.
"""
DEFAULT = ["decoding_iterations=10", *(f"decoding_iterations={passes}" for passes in (1, 2, 3, 4, 6, 8))]


class Measured(NamedTuple):
    """Of all sentences: translations in order, passes of the best candidates, canvases read, seconds."""

    translations: list[list[str]]
    passes: int
    rows: int
    seconds: float


class _CountedRows:
    """Counts the canvases that a decoder reads, while it is entered."""

    def __init__(self, decoder: Any) -> None:
        self._decoder, self._features = decoder, decoder.features
        self.rows = 0

    def __enter__(self) -> _CountedRows:
        def features(canvas: Tensor, *rest: Any) -> Tensor:
            self.rows += len(canvas)
            found: Tensor = self._features(canvas, *rest)
            return found

        self._decoder.features = features
        return self

    def __exit__(self, *error: object) -> None:
        del self._decoder.features


def settings_of(text: str) -> dict[str, Any]:
    """`name=value,...` as a dict; a value is a Python literal, or else a word."""
    found = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise OptionError(f"--settings {text}: {part} is not NAME=VALUE")
        try:
            found[name] = ast.literal_eval(value)
        except ValueError:
            found[name] = value
    return found


def translate(model: Loaded, settings: dict[str, Any], batches: Sequence[list[Sentence]], device: str) -> Measured:
    """Translate all batches; the first is done once before, unmeasured."""
    unknown = [name for name in settings if not hasattr(model.task.cfg, name)]
    if unknown:
        raise OptionError(f"--settings {unknown[0]}= is no option of --task translation_cmlm")
    generator = model.task.build_generator([model.model], Namespace(**{**NOTHING_GIVEN, **settings}))
    samples = [make_sample(model.task, batch, device) for batch in batches]
    generator.generate([model.model], samples[0].fields)
    translations, passes = [], 0
    with _CountedRows(model.model.decoder) as counted:
        start = time.perf_counter()
        results = [generator.generate([model.model], sample.fields) for sample in samples]
        seconds = time.perf_counter() - start
    for sample, result in zip(samples, results):
        translations += [words(model.task, found[0]["tokens"]) for found in sample.in_order(result)]
        passes += sum(found[0]["steps"] for found in result)
    return Measured(translations, passes, counted.rows, seconds)


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, writing the files after every setting, and return the table."""
    torch.set_num_threads(options.threads)
    sentences = read_all(options.source, options.target)
    batches = batches_of(sentences, options.batch_size)
    references = [sentence.target for batch in batches for sentence in batch]
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "threads": options.threads,
        "sentences": describe(sentences, f"{options.source} and {options.target}"),
        "common": options.common,
    }
    cells: list[list[str]] = []
    rows: list[dict[str, Any]] = []
    table = ""
    for text in options.settings:
        # Loaded anew: a setting may have changed the precision of the one before.
        load.cache_clear()
        settings = {**settings_of(options.common), **settings_of(text)}
        measured = translate(load(options.trained, options.data, options.device), settings, batches, options.device)
        score, number = bleu(measured.translations, references), len(sentences)
        passes, canvases, seconds = measured.passes / number, measured.rows / number, measured.seconds
        rows.append({"setting": settings, "bleu": score, "passes": passes, "rows": canvases, "seconds": seconds})
        faster = rows[0]["seconds"] / seconds
        cells.append([text, *(f"{figure:.2f}" for figure in (score, passes, canvases, seconds, faster))])
        table = document("Quality against passes", facts, HEAD, cells, LEGEND)
        write(options.output, table, facts, rows)
        print(" ".join(cells[-1]), file=sys.stderr)
    return table


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, required=True, metavar="CHECKPOINT", help="a model of ours")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="its dictionaries")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="subwords")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="their translation, line by line")
    parser.add_argument("--common", default="", metavar="SETTING", help="options of every setting")
    parser.add_argument("--settings", nargs="+", default=DEFAULT, metavar="SETTING", help=" ".join(DEFAULT))
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("work/quality"), help="writes OUTPUT.md and OUTPUT.json")
    return parser.parse_args(arguments)


main = command("quality", parse, run)
