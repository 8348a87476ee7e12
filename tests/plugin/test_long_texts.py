"""The warning of texts that are longer than those of the training."""

from __future__ import annotations

import pytest

from fairseq_cmlm.plugin.long_texts import LongTexts


def test_each_side_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    texts = LongTexts((5, 6))
    texts.warn(5, 6)
    assert not caplog.records
    texts.warn(7, 6)
    texts.warn(8, 9)
    texts.warn(9, 10)
    assert [message[:52] for message in caplog.messages] == [
        "a source of 7 tokens is longer than those of the tra",
        "a target of 9 tokens is longer than those of the tra",
    ]


def test_of_a_model_that_tells_nothing_nobody_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    LongTexts(None).warn(1000, 1000)
    assert not caplog.records
