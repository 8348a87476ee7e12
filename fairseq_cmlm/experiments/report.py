"""`fairseq-cmlm report`: decode what the tables need, keep it, and write tables and plots."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Sequence, Union

import torch

import fairseq_cmlm
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.experiments import machine, paper
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import CELLS, Cell, CellStore
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.parallel_text import read_parallel
from fairseq_cmlm.experiments.progress import Progress
from fairseq_cmlm.experiments.report_options import ReportOptions
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import AGREED, AUTOREGRESSIVE, RESCORED, Subject
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.rescored import BY_CONSENSUS, BY_MASKED_MODEL, Rescored
from fairseq_cmlm.experiments.systems.system import FairseqSystem
from fairseq_cmlm.experiments.tables import TABLES
from fairseq_cmlm.experiments.timing import by_batch
from fairseq_cmlm.measures.measure import Gold
from fairseq_cmlm.options import files_given, signed_file
from fairseq_cmlm.plugin.prepared_text import prepared_text
from fairseq_cmlm.render import plots
from fairseq_cmlm.render.document import write_report
from fairseq_cmlm.render.table import Table
from fairseq_cmlm.text.pipeline_file import agreed


def report(options: ReportOptions) -> str:
    """Write report.md, report.json, plots/ and cells/ into the output folder, and return the Markdown.

    Files are written after each cell and each table; a second call with the same options does what is missing.
    """
    work = Workplace(options)
    subject = replace(options.subject, objective=work.objective)
    cases = {name: _cases(name, subject) for name in options.chosen}
    progress = Progress(work.missing([case for each in cases.values() for case in each]))
    figure = plots.figure_class()
    if figure is None:
        print(f"fairseq-cmlm report: {plots.MISSING}", file=sys.stderr)
    tables: dict[str, Table] = {}
    drawn: dict[str, Path] = {}
    cells: dict[Case, Cell] = {}
    tokenise = options.tokenize or (None if work.scored.startswith("detokenised") else "none")
    gold = Gold([work.text.references], tokenise, True, lengths=work.text.gold_lengths, language=work.target)
    results = Results(subject, work.pair, gold, cells)
    signatures = results.signatures
    for name in options.chosen:
        for case in cases[name]:
            if case not in cells:
                cells[case] = work.cell(case, progress)
        tables[name] = TABLES[name].table(results)
        if figure is not None and tables[name].panels:
            drawn[name] = options.output / "plots" / f"{name}.png"
            plots.draw(tables[name], drawn[name], figure)
        text = write_report(options.output, {**work.facts(), **signatures}, tables, drawn)
    return text


def _cases(name: str, subject: Subject) -> Sequence[Case]:
    """Return the cases of a table; an OptionError names it where options exclude what it sets or make it empty."""
    way_out = "Leave it out: name others with --tables"
    try:
        cases = TABLES[name].cases(subject)
    except OptionError as error:
        raise OptionError(f"the table '{name}' cannot be made with these options: {error}. {way_out}") from None
    if not cases:
        raise OptionError(f"the table '{name}' is empty with these options. {way_out}")
    searches = [case for case in cases if isinstance(case.decoding, Decoding) and case.decoding.searches]
    given = subject.given.get("strategy")
    if given and len({(case.system, case.decoding.signature()) for case in searches}) < len(searches):
        raise OptionError(
            f"the table '{name}' varies the passes, and --decoding-strategy {given} fills one token in each, whatever "
            f"their number. {way_out}"
        )
    return cases


class Workplace:
    """The models, the text and the cells of one report."""

    def __init__(self, options: ReportOptions) -> None:
        self._options = options
        languages = (options.source_lang, options.target_lang)
        model = Masked(options.checkpoint, options.data, languages, options.device, options.text_pipeline)
        task = model.loaded.task
        self._systems: dict[str, FairseqSystem] = {options.name: model}
        for name, checkpoint in options.compare:
            other = Masked(checkpoint, options.data, languages, options.device, options.text_pipeline)
            agreed(task.text, other.loaded.task.text, f"{options.checkpoint} and {checkpoint}")
            self._systems[name] = other
        known = (task.cfg.source_lang, task.cfg.target_lang)
        if options.teacher:
            teacher = Autoregressive(options.teacher, Path(task.cfg.data), known, options.device)
            self._systems |= {
                AUTOREGRESSIVE: teacher,
                RESCORED: Rescored.of(teacher, model, BY_MASKED_MODEL),
                AGREED: Rescored.of(teacher, model, BY_CONSENSUS),
            }
        for system in self._systems.values():
            assert system.loaded  # fail on models that cannot be loaded before anything is decoded
        self._text, self._signature = prepared_text(
            task.text, known, options.tokenizer, options.bpe_codes, options.target_bpe_codes
        )
        self.objective = model.loaded.model.objective
        self.scored = options.scored if task.text is None else "detokenised text"
        self.text = read_parallel(options.source, options.reference, self._text)
        self.target, self.pair = known[1], "-".join(known)
        self._store = CellStore(options.output / "cells")
        everything = json.dumps([asdict(self.text), self._signature])
        self._text_digest = hashlib.sha256(everything.encode()).hexdigest()

    def missing(self, cases: Sequence[Case]) -> int:
        """Count those of `cases` that are still to be decoded."""
        return sum(not path.exists() for path in {self._store.path(case, self._identity(case)) for case in cases})

    def cell(self, case: Case, progress: Progress) -> Cell:
        """Return the cell of `case`; decode and save it if it is missing."""
        identity = self._identity(case)
        cell = self._store.load(case, identity)
        if cell is None:
            progress.begin(f"{case.system} {case.settings}")
            cell = self._decode(case, progress)
            self._store.save(case, identity, cell)
            progress.end()
        return cell

    def _decode(self, case: Case, progress: Progress) -> Cell:
        """Decode a case, a timed one in turn with the baseline with beam 5."""
        system = self._systems[case.system]
        check_lengths(system, [len(sentence.source) + 1 for sentence in self.text.sentences], "source")
        if case.decoding.gold_target_length:
            check_lengths(system, self.text.gold_lengths, "reference")
        peers = self._peers(case)
        cells = decode(
            [case, *peers],
            self._systems,
            self.text.sentences,
            self._options.rounds if case.timed else 1,
            join=lambda tokens: self._text.text(" ".join(tokens)),
            order=by_batch,
            warm_up=case.timed,
            progress=progress.batches,
        )
        return replace(cells[case], peer=[seconds for peer in peers for seconds in cells[peer].rounds])

    def _peers(self, case: Case) -> list[Case]:
        """Return the baseline that is timed beside `case`, if there is one."""
        return self._options.subject.beam_search(5) if case.timed else []

    def _identity(self, case: Case) -> dict[str, Any]:
        """Return everything that the cell of `case` depends on beside its decoding."""
        system = self._systems[case.system]
        identity: dict[str, Any] = {
            "version": fairseq_cmlm.__version__,
            "cells": CELLS,
            "checkpoint": system.digest,
            "text": self._text_digest,
            "languages": self.pair,
            "device": system.device,
            # Untimed cases tell seconds, too.
            **{"batch_size": case.batch_size, "threads": case.threads, "machine": platform.node()},
        }
        files = files_given(case.decoding)
        if files:
            identity["files"] = {name: signed_file(path) for name, path in files.items()}
        if case.timed:
            peers = [self._systems[peer.system].digest for peer in self._peers(case)]
            identity |= {"peers": peers, "rounds": self._options.rounds}
        return identity

    def facts(self) -> dict[str, Union[str, dict[str, object]]]:
        """Return the facts of the report: command, models, text, machine."""
        options = self._options
        known, theirs = self.pair in paper.BASE, "sacreBLEU" if self.target == "zh" else "tokenised BLEU"
        return {
            "command": f"`{shlex.join(['fairseq-cmlm', *options.words])}`",
            **{
                name: f"{one.checkpoint}, SHA-256 {one.digest[:12]}"
                for name, one in self._systems.items()
                if name not in (RESCORED, AGREED)
            },
            "text": f"{options.source} and {options.reference}, {len(self.text.sentences)} sentences",
            "prepared": self._signature,
            "scored": self.scored,
            "decoding": f"{options.subject.masked().decoding.signature()}; of each row in report.json",
            "machine": {**machine.describe(options.device), "threads": torch.get_num_threads()},
            "batches": f"{options.batch_size} sentences",
            "paper": f"its base model, {self.pair}, WMT, {theirs}" if known else f"it has no {self.pair}",
        }


def check_lengths(system: FairseqSystem, lengths: Sequence[int], side: str) -> None:
    """Raise a TextError for the first line that is too long for the model."""
    limit = system.loaded.model.max_positions()[0 if side == "source" else 1]
    for line, length in enumerate(lengths, start=1):
        if length > limit:
            raise TextError(
                f"line {line} of the {side} has {length} tokens (</s> counts), and {system.checkpoint} takes at most "
                f"{limit}: leave the line out of both texts"
            )
