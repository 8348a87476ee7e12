from __future__ import annotations

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.generated import label_scores_of, read_generated, temperature_of

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


def test_label_scores_and_their_temperature_are_read() -> None:
    lines = ["# temperature 1.2500", "L-1\t-0.5 -1.5", "H-0\t0\ta", "L-0\t-2.0 -0.1"]
    assert label_scores_of(lines, 2, "out") == [[-2.0, -0.1], [-0.5, -1.5]] and temperature_of(lines) == 1.25
    assert label_scores_of(lines[2:3], 2, "out") is None and temperature_of(lines[1:]) is None
    with pytest.raises(TextError, match="label scores of 2 sentences, and there are 3"):
        label_scores_of(lines, 3, "out")
    with pytest.raises(TextError, match="label scores that are no numbers"):
        label_scores_of(["L-0\t-0.5 half"], 1, "out")
