r"""Measure how time and memory of a document's translation grow with its length, in windows and otherwise.

    python -m benchmarks documents
        about an hour on one core
    python -m benchmarks documents --features 256 --layers 3 --vocabulary 6000 --rounds 1

Random weights; a document of n tokens is made of paragraphs of 20, mark included, and its translation is as long. The
systems are windows, blocks and paragraphs, as `fairseq-cmlm documents` has them; whole, which reads and writes the
document at once; and fairseq's autoregressive Transformer, which reads it at once too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Callable, Optional, Sequence

import numpy as np
import torch
from fairseq.sequence_generator import SequenceGenerator

from benchmarks.command import Command
from benchmarks.document import memory_cell, write_table
from benchmarks.growth import LENGTH_FITS
from benchmarks.memory import Peak, peak_of
from benchmarks.models import LANGUAGES, random_checkpoints
from benchmarks.options import add_common, add_numbers, facts_of, positive, size_of
from fairseq_cmlm.decoding.lengths import LengthCandidates, around_gold
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.document_translator import WAYS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.systems.autoregressive import ForcedLength
from fairseq_cmlm.inference.paragraphs import Page, Script, paragraph_lengths, write_pages
from fairseq_cmlm.inference.windows import OpenDocument, Paragraph, Window, write_all
from fairseq_cmlm.plugin.autoregressive import load_transformer
from fairseq_cmlm.plugin.loading import load_models, move
from fairseq_cmlm.render.table import Row

WHOLE, AUTOREGRESSIVE = "whole", "autoregressive"
SYSTEMS = (*WAYS, WHOLE, AUTOREGRESSIVE)
PARAGRAPH = 20  # tokens, with the mark behind it
MARK = 4  # a word of the dictionary that no paragraph has
LEGEND = f"""\
passes: of the decoder, one after the other; of the autoregressive model tokens. seconds: of the median round. MB: model
and work. x the first: against the system's shortest document. x {AUTOREGRESSIVE}: how many times as fast.
"""


@dataclass(frozen=True)
class Point:
    """A system and a length: what it took."""

    system: str
    tokens: int
    passes: int
    seconds: list[float]
    memory: Optional[Peak]

    @property
    def cost(self) -> float:
        """Return the seconds of the median round."""
        return median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**vars(self), "memory": None if self.memory is None else self.memory._asdict()}


def document(tokens: int, words: int, seed: int) -> list[list[int]]:
    """Return the ids of a document's paragraphs, drawn evenly."""
    random = np.random.default_rng(seed)
    return [random.integers(MARK + 1, words, PARAGRAPH - 1).tolist() for _ in range(tokens // PARAGRAPH)]


def longest(options: Namespace) -> int:
    """Return the most tokens that a translation can have, with the longest candidate of each paragraph."""
    return max(options.tokens) // PARAGRAPH * (PARAGRAPH + options.length_beam) + 1


def joined(paragraphs: Sequence[Sequence[int]], eos: int) -> torch.Tensor:
    """Return paragraphs as one source (1, S)."""
    return torch.tensor([[*[token for one in paragraphs for token in (*one, MARK)][:-1], eos]])


def ready(folder: Path, system: str, tokens: int, options: Namespace) -> Callable[[], int]:
    """Load a model; return what translates a document and tells the passes that it took."""
    torch.set_num_threads(options.threads)
    paragraphs = document(tokens, options.vocabulary, options.seed)
    load = _autoregressive if system == AUTOREGRESSIVE else _masked
    return load(folder, system, paragraphs, options)


def _masked(folder: Path, system: str, paragraphs: Sequence[list[int]], options: Namespace) -> Callable[[], int]:
    task, (model, *_) = load_models([folder / "ours.pt"], folder, *LANGUAGES, None)
    device = move([model], options.device)
    model.eval()
    model.lay_out()
    decoding = Decoding.of(iterations=options.iterations, length_beam=options.length_beam)
    script = Script(decoding, task.symbols, MARK, WAYS.get(system))
    most = (longest(options) if system == WHOLE else options.window,) * 2
    lengths = around_gold(torch.tensor([PARAGRAPH]), options.length_beam, options.window)
    rows = torch.cat([joined([one], task.symbols.eos) for one in paragraphs]).to(device)

    def write(pending: Sequence[OpenDocument], windows: Sequence[Window]) -> None:
        for document, window in zip(pending, windows):
            read = [list(map(int, one.text.split())) for one in document.paragraphs[window.first : window.end]]
            own = LengthCandidates(*(part.repeat(window.end - window.begin, 1) for part in lengths))
            page = Page(document.written[window.first : window.begin], own, decoding)
            write_pages([model], joined(read, task.symbols.eos).to(device), [page], script)
            document.take(page.written, page.passes)

    def work() -> int:
        paragraph_lengths([model], rows, task.symbols.pad, decoding)
        size = PARAGRAPH - 1
        document = OpenDocument(
            [Paragraph(" ".join(map(str, one)), size, int(lengths.lengths.max()) - 1) for one in paragraphs]
        )
        write_all([document], system == "paragraphs", most, write)
        return document.passes

    return work


def _autoregressive(
    folder: Path, system: str, paragraphs: Sequence[list[int]], options: Namespace
) -> Callable[[], int]:
    name = f"{options.layers}-{options.layers}"
    task, model = load_transformer(folder / f"{name}.pt", folder, LANGUAGES, "--layers")
    device, target = move([model], options.device), task.target_dictionary
    source = joined(paragraphs, target.eos()).to(device)
    search, length = ForcedLength(target), source.size(1)
    search.lengths = torch.tensor([length], device=device)
    generator = SequenceGenerator([model], target, beam_size=options.beam, search_strategy=search, max_len_b=length)
    sample = {"net_input": {"src_tokens": source, "src_lengths": torch.tensor([length], device=device)}}

    def work() -> int:
        return len(task.inference_step(generator, [model], sample)[0][0]["tokens"])

    return work


def measure(options: Namespace, folder: Path) -> list[Point]:
    """Measure all systems at all lengths; within a round the systems take turns."""
    points = []
    for tokens in sorted(set(options.tokens)):
        memory = {one: peak_of(ready, (folder, one, tokens, options), options.device) for one in options.systems}
        works = {one: ready(folder, one, tokens, options) for one in options.systems}
        passes = {name: work() for name, work in works.items()}  # not timed: the first call prepares
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(options.rounds):
            for name, work in works.items():
                began = time.perf_counter()
                work()
                seconds[name].append(time.perf_counter() - began)
        points += [Point(name, tokens, passes[name], seconds[name], memory[name]) for name in works]
    return points


def row_of(point: Point, points: Sequence[Point]) -> Row:
    """Return the point's row, beside the first of its system and the autoregressive model at its length."""
    first = next(other for other in points if other.system == point.system)
    peer = next((one for one in points if (one.system, one.tokens) == (AUTOREGRESSIVE, point.tokens)), None)
    return {
        "system": point.system,
        "tokens": point.tokens,
        "passes": point.passes,
        "seconds": f"{point.cost:.2f}",
        "x the first": point.cost / first.cost,
        "MB": memory_cell(point.memory),
        f"x {AUTOREGRESSIVE}": "-" if peer is None else f"{peer.cost / point.cost:.2f}",
    }


def fits_of(points: Sequence[Point]) -> dict[str, dict[str, float]]:
    """Return system -> what was fitted to its seconds, and to its memory -> the value."""
    found = {}
    for system in dict.fromkeys(point.system for point in points):
        own = [point for point in points if point.system == system]
        tokens, costs = [one.tokens for one in own], [one.cost for one in own]
        found[system] = {name: fit(tokens, costs) for name, fit in LENGTH_FITS.items()}
        memory = [one.memory.work for one in own if one.memory is not None]
        if len(memory) == len(own):
            found[system]["exponent of the memory"] = LENGTH_FITS["exponent"](tokens, memory)
    return found


def run(options: Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    size = replace(size_of(options), positions=longest(options))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_checkpoints(size, ["ours", f"{options.layers}-{options.layers}"], folder, options.seed)
        points = measure(options, folder)
    fits = fits_of(points)
    decoding = (
        f"T {options.iterations}, l {options.length_beam}; beam {options.beam}; windows of {options.window} tokens"
    )
    facts = facts_of(options, command, threads=options.threads, decoding=decoding)
    facts |= {
        f"growth of {name}": "; ".join(f"{what} {fit:.2f}" for what, fit in own.items()) for name, own in fits.items()
    }
    rows = [(row_of(one, points), one.as_dict()) for one in points]
    return write_table(options.output, "Documents by length", LEGEND, rows, facts, fits=fits)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    tokens = [240, 500, 1000, 2000, 4000]
    parser.add_argument(
        "--tokens", type=positive, nargs="+", default=tokens, metavar="N", help="of a document (240 ... 4000)"
    )
    parser.add_argument(
        "--window", type=positive, default=256, metavar="N", help="tokens of a window (default: %(default)s)"
    )
    parser.add_argument(
        "--beam", type=positive, default=5, metavar="N", help="of the autoregressive model (%(default)s)"
    )
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS, help="default: all")
    add_numbers(parser, length_beam=5, iterations=10, threads=1)
    add_common(parser)


def check(options: Namespace) -> None:
    """Raise where there is nothing to fit, or no room for a paragraph."""
    if len(set(options.tokens)) < 2:
        raise OptionError(f"--tokens {' '.join(map(str, options.tokens))} shows no growth: give two values or more")
    if options.vocabulary <= MARK + 1:
        raise OptionError(
            f"--vocabulary {options.vocabulary} has no word beside the mark between paragraphs: give more"
        )
    for tokens in options.tokens:
        if tokens % PARAGRAPH:
            raise OptionError(f"--tokens {tokens} is no multiple of {PARAGRAPH}, the tokens of a paragraph")
    for name, least in (("tokens", min(options.tokens)), ("window", options.window)):
        if least < 2 * PARAGRAPH:
            raise OptionError(f"--{name} {least} is less than two paragraphs, {2 * PARAGRAPH}")


main = Command("documents", __doc__, add_options, run, check)
