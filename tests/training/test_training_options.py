"""Training options that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import declared
from fairseq_cmlm.schedule import SCHEDULES
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training


def test_a_noising_that_the_likelihood_would_ignore_is_refused() -> None:
    Training(objective="likelihood", noising="uniform")
    with pytest.raises(OptionError, match="--noising full cannot be combined with --objective likelihood"):
        Training(objective="likelihood", noising="full")


@pytest.mark.parametrize(
    ("objective", "given", "message"),
    [
        (
            "cmlm",
            {"guess_share": 0.3},
            "--guess-share 0.3 cannot .* --objective cmlm, .* for cmlmc, smart, smart_all",
        ),
        ("smart", {"objective_weight": 2.0}, "--objective-weight 2.0 cannot be combined with --objective smart, "),
        ("smart", {"glancing_share": 0.5}, "--glancing-share 0.5 cannot .*; it is for glancing"),
        ("hybrid", {"ramp_updates": 5}, "--ramp-updates 5 cannot be combined with --objective hybrid"),
        ("cmlmc", {"noising": "full"}, "--noising full cannot be combined with --objective cmlmc"),
        ("cmlmc", {"guess_share": 1.5}, "--guess-share 1.5 must be at least 0 and at most 1"),
        ("cmlmc", {"objective_weight": -1.0}, "--objective-weight -1.0 must be at least 0"),
        ("cmlmc", {"guess_share": 0.0}, "--guess-share 0 leaves untrained what --objective cmlmc lets a decoding read"),
        ("hybrid", {"objective_weight": 0.0}, "--objective-weight 0 leaves untrained what --objective hybrid lets a "),
        ("prism", {"objective_weight": 0.0}, "--objective-weight 0 leaves untrained what --objective prism lets a "),
        ("likelihood", {"mask_schedule": "cosine"}, "--mask-schedule cosine cannot be combined with --objective likel"),
        ("hybrid", {"mask_schedule": "cosine", "noising": "full"}, "--mask-schedule cosine cannot .* --noising full"),
    ],
)
def test_what_an_objective_has_no_use_for_is_refused(objective: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Training(objective=objective, **given)


def test_the_schedule_is_the_one_that_is_named() -> None:
    assert Training(mask_schedule="cosine").schedule is SCHEDULES["cosine"] is not Training().schedule


def test_an_objective_has_values_of_its_own() -> None:
    assert Training(objective="smart").own("guess_share") == 0.5
    assert Training(objective="cmlmc").own("guess_share") == 0.3
    assert Training(objective="smart", guess_share=0.0).own("guess_share") == 0
    assert Training(objective="hybrid", noising="full").own("objective_weight") == 0.5
    weights = {
        name: row.options["objective_weight"] for name, row in OBJECTIVES.items() if "objective_weight" in row.options
    }
    assert weights == {"cmlmc": 10 / 3, "smart_all": 1, "hybrid": 0.5, "amom": 1, "prism": 1, "minimum_risk": 3}
    assert Training(objective="glancing").own("glancing_share") == 0.5


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_row_names_options_that_there_are(name: str) -> None:
    known = {one.name: one for one in declared(Training)}
    for option, value in OBJECTIVES[name].options.items():
        Training(objective=name, **{option: value})
        # Only what the check of the options looks at is refused where it is of no use.
        assert known[option].default is None or option == "noising"
