"""Training options that contradict each other."""

from __future__ import annotations

import pytest

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.training.options import Training


def test_a_noising_that_the_likelihood_would_ignore_is_refused() -> None:
    Training(objective="likelihood", noising="uniform")
    with pytest.raises(OptionError, match="--noising full cannot be combined with --objective likelihood"):
        Training(objective="likelihood", noising="full")
