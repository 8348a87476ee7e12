"""`fairseq-cmlm report`: decode what the tables need, keep it, and write tables and plots."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import fairseq_cmlm
from fairseq_cmlm.files import file_digest
from fairseq_cmlm.plugin.subwords import Subwords
from fairseq_cmlm.render import plots
from fairseq_cmlm.render.document import write_document
from fairseq_cmlm.render.table import Table
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case, Cell, CellStore
from fairseq_cmlm.reporting.decode import decode, prepare
from fairseq_cmlm.reporting.parallel_text import read_parallel
from fairseq_cmlm.reporting.progress import Progress
from fairseq_cmlm.reporting.report_options import ReportOptions
from fairseq_cmlm.reporting.results import AUTOREGRESSIVE, Results
from fairseq_cmlm.reporting.scorer import Scorer
from fairseq_cmlm.reporting.system import System, load_autoregressive, load_masked
from fairseq_cmlm.reporting.tables import TABLES
from fairseq_cmlm.reporting.tables.speed import BEAM_5


def report(options: ReportOptions) -> str:
    """Write report.md, report.json, plots/ and cells/ into the output folder, and return the Markdown.

    Files are written after each cell and each table; a second call with the same options does what is missing.
    """
    work = Workplace(options)
    progress = Progress(work.missing([case for name in options.chosen for case in TABLES[name].cases(options.systems)]))
    figure = plots.figure_class()
    if figure is None:
        print(f"fairseq-cmlm report: {plots.MISSING}", file=sys.stderr)
    tables: dict[str, Table] = {}
    drawn: dict[str, Path] = {}
    cells: dict[Case, Cell] = {}
    scorer = Scorer(options.tokenize or ("13a" if options.tokenizer else "none"), work.text.references)
    results = Results(options.systems, work.pair, work.text.gold_lengths, scorer, cells)
    for name in options.chosen:
        for case in TABLES[name].cases(options.systems):
            if case not in cells:
                cells[case] = work.cell(case, progress)
        tables[name] = TABLES[name].table(results)
        if figure is not None and tables[name].panels:
            drawn[name] = options.output / "plots" / f"{name}.png"
            plots.draw(tables[name], drawn[name], figure)
        text = write_document(options.output, {**work.facts(), **scorer.signatures()}, tables, drawn)
    return text


class Workplace:
    """The models, the text and the cells of one report."""

    def __init__(self, options: ReportOptions) -> None:
        self._options = options
        languages = (options.source_lang, options.target_lang)
        model = load_masked(options.checkpoint, options.data, languages, options.device)
        self._loaded = {options.name: model}
        for name, checkpoint in options.compare:
            self._loaded[name] = load_masked(checkpoint, options.data, languages, options.device)
        if options.teacher:
            self._loaded[AUTOREGRESSIVE] = load_autoregressive(options.teacher, model)
        self._subwords = Subwords(options.tokenizer, options.bpe_codes, model.languages, options.target_bpe_codes)
        self.text = read_parallel(options.source, options.reference, self._subwords)
        self.pair = "-".join(model.languages)
        self._store = CellStore(options.output / "cells")
        codes = [file and file_digest(file) for file in (options.bpe_codes, options.target_bpe_codes)]
        everything = json.dumps([asdict(self.text), options.tokenizer, codes])
        self._text_digest = hashlib.sha256(everything.encode()).hexdigest()

    def missing(self, cases: list[Case]) -> int:
        """How many of `cases` are still to be decoded."""
        return sum(not path.exists() for path in {self._store.path(case, self._identity(case)) for case in cases})

    def cell(self, case: Case, progress: Progress) -> Cell:
        """The cell of `case`, decoded and kept if it was not there."""
        identity = self._identity(case)
        cell = self._store.load(case, identity)
        if cell is None:
            progress.begin(f"{case.system} {case.settings}")
            cell = self._decode(case, progress)
            self._store.save(case, identity, cell)
            progress.end()
        return cell

    def _decode(self, case: Case, progress: Progress) -> Cell:
        rounds, size = (self._options.rounds if case.timed else 1), self._options.batch_size
        jobs = [prepare(self._loaded[case.system], case, self.text, size, rounds)]
        peer = self._peer(case)
        if peer is not None:
            jobs.append(prepare(peer, BEAM_5, self.text, size, rounds))
        return decode(jobs, self._subwords.text, progress.sentences, rounds, warm_up=case.timed)

    def _peer(self, case: Case) -> Any:
        """The baseline that is timed beside `case`, if there is one."""
        return self._loaded.get(AUTOREGRESSIVE) if case.timed else None

    def _identity(self, case: Case) -> dict[str, Any]:
        """All that the cell of `case` depends on."""
        system, peer = self._loaded[case.system], self._peer(case)
        identity: dict[str, Any] = {
            "version": fairseq_cmlm.__version__,
            "checkpoint": system.digest,
            "text": self._text_digest,
            "languages": self.pair,
            "device": str(system.device),
        }
        if case.timed:
            options = self._options
            identity |= {"peer": peer and peer.digest, "rounds": options.rounds, "batch_size": options.batch_size}
            identity |= {"threads": torch.get_num_threads(), "machine": platform.node()}
        return identity

    def facts(self) -> dict[str, str]:
        """What was measured on what."""
        options, models = self._options, self._loaded
        device = models[options.name].device
        kind = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        known = self.pair in paper.BASE
        return {
            "command": f"`{shlex.join(['fairseq-cmlm', *options.words])}`",
            **{name: _named(system) for name, system in models.items()},
            "text": f"{options.source} and {options.reference}, {len(self.text.sources)} sentences",
            "scored": options.scored,
            "machine": f"{device} ({kind}), {torch.get_num_threads()} threads, torch {torch.__version__}",
            "batches": f"{options.batch_size} sentences",
            "paper": f"its base model, {self.pair}, WMT, tokenised BLEU" if known else f"it has no {self.pair}",
        }


def _named(system: System) -> str:
    return f"{system.checkpoint}, SHA-256 {system.digest[:12]}"
