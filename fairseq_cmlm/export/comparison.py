"""A bundle beside its checkpoint on a text: where they differ, and what 8 bits cost."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence

from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.score import target_language
from fairseq_cmlm.render.markdown import markdown_table
from fairseq_cmlm.runtime import Bundle
from fairseq_cmlm.translation import Translation
from fairseq_cmlm.translator import Translator

_PRESETS = ("full", "fast")
_COLUMNS = ("preset", "candidates", "other ones in float32", "other texts in int8")
_BLEU = tuple(f"BLEU, {which}" for which in ("checkpoint", "float32", "int8"))


class RawText(NamedTuple):
    """Sources and their reference translations, raw text, line by line."""

    sources: Sequence[str]
    references: Sequence[str]


def comparison(translator: Translator, folder: Path, text: RawText) -> str:
    """Return a Markdown table of both presets, with a signature, of the bundle in `folder` and its checkpoint.

    Another candidate is one with another text, length or number of passes.
    """
    bleu = Bleu([text.references], language=target_language([translator.text_signature]))
    exact, rounded = Bundle(folder), Bundle(folder, dtype="int8")
    rows = []
    for preset in _PRESETS:
        wanted, float32, int8 = (model.translate(text.sources, preset=preset) for model in (translator, exact, rounded))
        candidates = sum(len(one.candidates) for one in wanted)
        different = sum(map(others, float32, wanted))
        changed = sum(one.text != other.text for one, other in zip(int8, float32))
        scores = [f"{bleu.score([one.text for one in found]):.2f}" for found in (wanted, float32, int8)]
        rows.append((preset, *map(str, (candidates, different, changed)), *scores))
    told = f"Of {len(text.sources)} sentences; the checkpoint in float32. BLEU: {bleu.signature}"
    return f"{markdown_table((*_COLUMNS, *_BLEU), rows)}\n\n{told}"


def others(found: Translation, wanted: Translation) -> int:
    """Count the candidates of a sentence that differ, each with that of the same number."""
    theirs = {one.number: (one.text, one.length, one.passes) for one in wanted.candidates}
    return sum(theirs.get(one.number) != (one.text, one.length, one.passes) for one in found.candidates)
