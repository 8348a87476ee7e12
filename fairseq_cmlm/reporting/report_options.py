"""The options of `fairseq-cmlm report`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.reporting.results import AUTOREGRESSIVE, Systems
from fairseq_cmlm.reporting.tables import TABLES


@dataclass(frozen=True)
class ReportOptions:
    """What is reported on; checked when made.

    name, checkpoint  the model that the report is about
    teacher           checkpoint of the autoregressive baseline
    compare           names and checkpoints of other models
    tables            names of TABLES; none for all that can be made
    tokenizer, bpe_codes, data, source_lang, target_lang, device  as in Translator
    target_bpe_codes  of the target language, if it has its own
    tokenize          sacreBLEU's tokenizer; None: 13a for detokenised text, none for tokens
    batch_size        sentences
    rounds            of the timed cases
    words             the command as it was typed
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
    tokenizer: Optional[str] = None
    bpe_codes: Optional[Path] = None
    target_bpe_codes: Optional[Path] = None
    tokenize: Optional[str] = None
    device: str = "cpu"
    batch_size: int = 32
    rounds: int = 3
    words: Sequence[str] = ()

    def __post_init__(self) -> None:
        taken = [AUTOREGRESSIVE]
        for name in (self.name, *(name for name, _ in self.compare)):
            if name in taken or not re.fullmatch(r"[\w.-]+", name):
                raise OptionError(
                    f"a model cannot have the name '{name}': give each a name of its own, of letters, digits and _.-"
                )
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

    @property
    def chosen(self) -> list[str]:
        """The tables to make, in their order."""
        possible = [name for name in TABLES if name != "comparison" or self.compare]
        return [name for name in possible if not self.tables or name in self.tables]

    @property
    def systems(self) -> Systems:
        """The names of the models."""
        return Systems(self.name, [name for name, _ in self.compare], self.teacher is not None)

    @property
    def scored(self) -> str:
        """What is scored."""
        joined = "" if self.bpe_codes else ", subwords as they are"
        return f"detokenised text{joined}" if self.tokenizer else "tokens" if self.bpe_codes else "tokens as they are"
