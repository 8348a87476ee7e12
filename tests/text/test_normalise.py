from __future__ import annotations

import pytest

from fairseq_cmlm.text.normalise import clean, normaliser

USUAL = ("nfc", "punctuation")


@pytest.mark.parametrize("space", list("\t\n\r\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2003\u2028\u2029\u3000"))
def test_all_white_space_is_a_single_space(space: str) -> None:
    assert clean(f"{space}a{space}{space} b{space}") == "a b"


@pytest.mark.parametrize(
    ("names", "language", "text", "normalised"),
    [
        ((), "en", "\ufeffA man’s", "A man’s"),
        (("nfc",), "de", "fu\u0308r Ka\u0308se", "für Käse"),
        (("nfc",), "zh", "上周，“《美人》”", "上周，“《美人》”"),
        (("romanian",), "ro", "Şi ţara ŞŢ", "Și țara ȘȚ"),
        (("nfc", "romanian"), "ro", "s\u0327i t\u0327ara", "și țara"),
        (("romanian", "strip_diacritics"), "ro", "Şi ță, âî.", "Si ta, ai."),
        (USUAL, "en", "A man’s “dog” – no…", 'A man\'s "dog" - no...'),
        (USUAL, "de", "„Ja“ — sagt er", '"Ja" - sagt er'),
        (USUAL, "en", "a 👨\u200d👩\u200d👧 b", "a 👨👩👧 b"),
        (USUAL, "en", "a \u200b b\u00adc\ufeff d", "a bc d"),
    ],
)
def test_text_is_normalised(names: tuple[str, ...], language: str, text: str, normalised: str) -> None:
    assert normaliser(names, language)(text) == normalised


def test_the_order_is_that_of_the_names() -> None:
    """Cedillas below a letter of their own are no letters with cedilla before they are one character."""
    assert normaliser(("nfc", "romanian"), "ro")("s\u0327") == "ș"
    assert normaliser(("romanian", "nfc"), "ro")("s\u0327") == "ş"
