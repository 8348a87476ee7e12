from __future__ import annotations

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.generated import read_generated

OUTPUT = """2026 | INFO | something
S-1\tein Hund
T-1\ta dog
H-1\t-0.3\ta a do@@ g
D-1\t-0.3\ta a dog
P-1\t-0.1 -0.2
H-1\t-0.4\tsecond best
D-1\t-0.4\tsecond best
S-0\teine Katze
H-0\t-0.2\ta cat
D-0\t-0.2\ta cat
"""


def test_the_best_of_each_sentence_is_read() -> None:
    found = read_generated(OUTPUT.splitlines(), "output")
    assert found[0].text == "a cat" and found[1].text == "a a dog" and found[1].tokens == ["a", "a", "do@@", "g"]


def test_doubled_and_cut_outputs_are_refused() -> None:
    with pytest.raises(TextError, match="output translates sentence 1 twice"):
        read_generated((OUTPUT + "H-1\t-0.4\tx\n").splitlines(), "output")
    with pytest.raises(TextError, match="output has a H line but no D line for sentence 2"):
        read_generated((OUTPUT + "H-2\t-0.4\tx\n").splitlines(), "output")
