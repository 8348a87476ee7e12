"""The options of `fairseq-cmlm report`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

import torch

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.subject import AUTOREGRESSIVE, Subject
from fairseq_cmlm.experiments.tables import TABLES


@dataclass(frozen=True)
class ReportOptions:
    """The options of a report, as described by the command's --help; checked when made.

    tables    names of TABLES; none for all that can be made
    tokenize  sacreBLEU's tokenizer; None: the target language's for detokenised text, none for tokens
    decoding  options of decoding for all masked cells, by field name, but for what a table varies
    words     the command as it was typed
    """

    checkpoint: Path
    source: Path
    reference: Path
    output: Path
    name: str = "model"
    teacher: Optional[Path] = None
    compare: Sequence[tuple[str, Path]] = ()
    tables: Sequence[str] = ()
    data: Optional[Path] = None
    source_lang: Optional[str] = None
    target_lang: Optional[str] = None
    text_pipeline: Optional[str] = None
    tokenizer: Optional[str] = None
    bpe_codes: Optional[Path] = None
    target_bpe_codes: Optional[Path] = None
    tokenize: Optional[str] = None
    device: str = "cpu"
    batch_size: int = 32
    rounds: int = 3
    decoding: Mapping[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()

    def __post_init__(self) -> None:
        taken = [AUTOREGRESSIVE]
        for flag, name in (("--name", self.name), *(("--compare", name) for name, _ in self.compare)):
            if not re.fullmatch(r"[\w.-]+", name):
                raise OptionError(f"{flag} cannot name a model '{name}': a name has letters, digits and _.- alone")
            if name in taken:
                raise OptionError(f"{flag} cannot name a model '{name}', as another one is called so: give it another")
            taken.append(name)
        for table in self.tables:
            if table not in TABLES:
                raise OptionError(f"--tables {table} is none of {', '.join(TABLES)}")
        if "comparison" in self.tables and not self.compare:
            raise OptionError("--tables comparison needs another model: give --compare NAME=CHECKPOINT")
        if self.target_bpe_codes and not self.bpe_codes:
            raise OptionError("--target-bpe-codes needs those of the source: give --bpe-codes too")
        for flag, value in (("--batch-size", self.batch_size), ("--rounds", self.rounds)):
            if value < 1:
                raise OptionError(f"{flag} {value} must be at least 1")
        Decoding.of(**self.decoding)

    @property
    def chosen(self) -> list[str]:
        """Return the tables to make, in their order."""
        possible = [name for name in TABLES if name != "comparison" or self.compare]
        return [name for name in possible if not self.tables or name in self.tables]

    @property
    def subject(self) -> Subject:
        """Return the subject of the tables."""
        compared = [name for name, _ in self.compare]
        teacher, threads = self.teacher is not None, torch.get_num_threads()
        judge = self.decoding.get("rescore_with") or self.decoding.get("plan_with") or self.teacher
        return Subject(
            *(self.name, compared, teacher, self.decoding, self.batch_size, threads),
            judge=None if judge is None else str(judge),
        )

    @property
    def scored(self) -> str:
        """Describe the text that is scored if the model has no text pipeline."""
        joined = "" if self.bpe_codes else ", subwords as they are"
        return f"detokenised text{joined}" if self.tokenizer else "tokens" if self.bpe_codes else "tokens as they are"
