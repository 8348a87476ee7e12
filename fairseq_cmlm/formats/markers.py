"""Characters that give a source its structure.

Each is a word of its own for every tokenizer here, survives normalisation and subwords, and is rare in text.
"""

from __future__ import annotations

from fairseq_cmlm.errors import TextError

# Between the parts of a record, between records, and where words are missing.
FIELD, NEXT, GAP = "→", "•", "␣"


def unmarked(text: str, place: str, *markers: str) -> str:
    """Return a text, which must hold none of the markers that its format uses; `place` is for the message."""
    for marker in markers:
        if marker in text:
            raise TextError(
                f"{place} holds {marker} (U+{ord(marker):04X}), which marks the parts of a source: replace it"
            )
    return text
