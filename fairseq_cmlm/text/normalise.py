"""NORMALISERS: changes to the characters of a text before it is tokenised. To add one: a function and a row."""

from __future__ import annotations

import unicodedata
from functools import cache, partial
from typing import Callable

from fairseq_cmlm.text.packages import imported

Normalise = Callable[[str], str]

# Romanian is often typed with the cedilla letters of Turkish: ş for ș, ţ for ț.
_COMMA_BELOW = str.maketrans("ŞşŢţ", "ȘșȚț")
_BYTE_ORDER_MARK = "\ufeff"


def nfc(language: str) -> Normalise:
    """Write every letter as one character where Unicode has one (normalization form C): u and ¨ are ü."""
    return partial(unicodedata.normalize, "NFC")


def romanian(language: str) -> Normalise:
    """Write Romanian with its own comma-below letters ș and ț, where text has the cedilla letters ş and ţ."""
    return lambda text: text.translate(_COMMA_BELOW)


def strip_diacritics(language: str) -> Normalise:
    """Remove diacritics: ș becomes s, ă becomes a."""

    def stripped(text: str) -> str:
        parts = unicodedata.normalize("NFD", text)
        return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))

    return stripped


def punctuation(language: str) -> Normalise:
    """Write quotes, dashes and the ellipsis in ASCII, as Moses does, and remove control and format characters.

    The latter are those of Unicode's category C, among them U+200B, U+200D (in emoji) and U+00AD (soft hyphen).
    """
    normalizer = imported("sacremoses", "the normaliser 'punctuation'").MosesPunctNormalizer
    normalise: Normalise = normalizer(language, post_remove_control_chars=True).normalize
    return normalise


# name -> language -> a function of a text without white space other than single spaces
NORMALISERS: dict[str, Callable[[str], Normalise]] = {
    "nfc": nfc,
    "romanian": romanian,
    "strip_diacritics": strip_diacritics,
    "punctuation": punctuation,
}


def clean(text: str) -> str:
    r"""Return a text with single spaces where it has white space of any kind, and without byte order marks.

    >>> clean("\ufeffa\tb\u00a0\u2028c\n")
    'a b c'
    """
    return " ".join(text.replace(_BYTE_ORDER_MARK, "").split())


@cache
def normaliser(names: tuple[str, ...], language: str) -> Normalise:
    """Return the function that cleans a text and applies the NORMALISERS of these names, in their order."""
    functions = [NORMALISERS[name](language) for name in names]

    def normalise(text: str) -> str:
        text = clean(text)
        for function in functions:
            text = function(text)
        return clean(text)

    return normalise
