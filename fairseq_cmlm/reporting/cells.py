"""Cells: one decoding of the whole text each, kept on disk so that an interrupted report goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import write_text


@dataclass(frozen=True)
class Case:
    """What is decoded, and how.

    system      name of the model
    iterations  T; 0 is one pass a token, None an autoregressive model
    size        length candidates l, or the beam
    gold        decode the references' lengths
    timed       decode several times, in turn with the autoregressive baseline
    """

    system: str
    iterations: Optional[int]
    size: int
    gold: bool = False
    timed: bool = False

    @property
    def passes(self) -> str:
        """T as the tables show it."""
        return {None: "-", 0: "N"}.get(self.iterations, str(self.iterations))

    @property
    def settings(self) -> str:
        """How it is decoded, in a few words."""
        how = f"beam={self.size}" if self.iterations is None else f"T={self.passes},l={self.size}"
        return how + ",gold" * self.gold + ",timed" * self.timed


@dataclass(frozen=True)
class Cell:
    """What came out, sentence by sentence.

    texts    the best translations, as scored
    tokens   the same as the model wrote them (subwords)
    lengths  of the candidates, `</s>` included, best first; none of an autoregressive model
    passes   of the decoder, for the best translation
    seconds  of each round
    peer     seconds of the autoregressive baseline in each round, if it was timed beside
    """

    texts: list[str]
    tokens: list[list[str]]
    lengths: list[list[int]]
    passes: list[int]
    seconds: list[float]
    peer: list[float] = field(default_factory=list)


class CellStore:
    """The cells in a folder, each a file named by its settings and the hash of all that its content depends on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, case: Case, identity: Mapping[str, Any]) -> Path:
        """Where the cell of `case` is; `identity` says what it depends on beside the settings, as JSON values."""
        everything = json.dumps([case.settings, identity], sort_keys=True)
        digest = hashlib.sha256(everything.encode()).hexdigest()[:16]
        return self._folder / f"{case.settings},{digest}.json"

    def load(self, case: Case, identity: Mapping[str, Any]) -> Optional[Cell]:
        """The cell, if it is there."""
        path = self.path(case, identity)
        try:
            return Cell(**json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, TypeError, ValueError) as error:
            raise TextError(f"{path} is no cell of a report ({error}): remove it") from None

    def save(self, case: Case, identity: Mapping[str, Any], cell: Cell) -> None:
        """Keep the cell."""
        write_text(self.path(case, identity), json.dumps(asdict(cell), ensure_ascii=False))
