from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Optional

import pytest
import torch

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import declared, flag_of


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "guess"}, "--decoding-strategy guess must be one of mask_predict, "),
        ({"iterations": -1}, "--decoding-iterations -1 must be at least 0"),
        ({"iterations": "4"}, "--decoding-iterations '4' must be a whole number"),
        ({"iterations": True}, "--decoding-iterations True must be a whole number"),
        ({"length_beam": 0}, "--length-beam 0 must be at least 1"),
        ({"iterations_per_token": 0.0}, "--iterations-per-token 0.0 must be above 0"),
        ({"confidence_threshold": 1.5}, "--confidence-threshold 1.5 must be above 0 and at most 1"),
        ({"halve_candidates": -1}, "--halve-candidates -1 must be at least 1"),
        ({"stop_unchanged": 0}, "--stop-unchanged 0 must be at least 1"),
        ({"length_prior": -0.1}, "--length-prior -0.1 must be at least 0"),
        ({"length_prior": float("nan")}, "--length-prior nan must be at least 0"),
        ({"length_prior": float("inf")}, "--length-prior inf must be finite"),
        ({"iterations_per_token": float("inf")}, "--iterations-per-token inf must be finite"),
        ({"length_budget": 0}, "--length-budget 0 must be at least 1"),
        (
            {"mask_schedule": "quadratic"},
            "--mask-schedule quadratic must be one of linear, cosine, square, ",
        ),
        ({"preset": "quick"}, "--decoding-preset quick must be one of full, fast"),
        ({"dtype": "int4"}, "--decoding-dtype int4 must be one of float32, bfloat16, float16, int8"),
        ({"strategy": "easy_first", "beam": 0}, "--beam 0 must be at least 1"),
        ({"length_prior": 10**400}, "--length-prior 1000+ must be"),
        ({"temperature": 0.0}, "--sampling-temperature 0.0 must be at least 0.0001"),
        ({"top_p": 1.1}, "--sampling-top-p 1.1 must be above 0 and at most 1"),
        ({"eta": 0.5}, "--decoding-eta 0.5 has no effect without --decoding-strategy path_planning or remdm_cap or "),
        ({"strategy": "remdm_conf", "eta": 0.5}, "--decoding-eta 0.5 has no effect without --decoding-strategy path_"),
        ({"strategy": "path_planning", "order": "margin"}, "--decoding-order margin has no effect without --decoding-"),
        ({"edit_threshold": 0.0}, "--edit-threshold 0.0 has no effect without --decoding-strategy all_tokens or edit"),
        ({"stop_entropy": 0.1}, "--stop-entropy 0.1 has no effect without --stop-unchanged"),
        ({"desmooth": 0.1}, "--desmooth 0.1 has no effect without a threshold: --confidence-threshold, --edit-thresh"),
        ({"seed": 3}, "--sampling-seed 3 has no effect without --sampling-temperature or --sampling-top-p, or --deco"),
        ({"strategy": "easy_first", "seed": 3}, "--sampling-seed 3 has no effect without"),
        ({"choose_by": "autoregressive"}, "--choose-by autoregressive has no effect without --rescore-with CHECKPOINT"),
        (
            {"choose_by": "consensus", "rescore_with": "x"},
            "--rescore-with x has no effect without autoregressive in --",
        ),
        ({"plan_by": "autoregressive"}, "--plan-by autoregressive has no effect without --plan-with CHECKPOINT"),
        ({"plan_by": "confidence", "plan_with": "x"}, "--plan-with x has no effect without --plan-by autoregressive"),
        ({"plan_with": "x", "order": "margin"}, "--plan-by autoregressive has no effect without --decoding-order prob"),
        ({"plan_with": "x", "strategy": "remdm_cap"}, "--plan-by autoregressive has no effect without --decoding-or"),
        ({"plan_by": "consensus"}, "--plan-by consensus must be one of confidence, pseudo_likelihood, autoregressive"),
        ({"choose_by": "oracle"}, "--choose-by oracle: 'oracle' is none of confidence"),
        ({"original": True, "strategy": "all_tokens"}, "--decoding-strategy all_tokens cannot be combined with --orig"),
        ({"original": True, "strategy": "remdm_cap"}, "--decoding-strategy remdm_cap cannot be combined with --origi"),
        (
            {"beam": 4},
            "--beam 4 is for --search-with and --decoding-strategy easy_first and left_to_right: use --length-beam",
        ),
        (
            {"passes": 4},
            "'passes' is no decoding option by its name in Python: did you mean capture_passes?",
        ),
        (
            {"decoding_iterations": 4},
            "'decoding_iterations' is no decoding option by its name in Python: use iterations",
        ),
    ],
)
def test_values_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        Decoding.of(**given)


@pytest.mark.parametrize(
    ("other", "option"),
    [
        ({"original": True}, {"stop_unchanged": 2}),
        ({"original": True}, {"length_prior": 1.0}),
        ({"original": True}, {"length_budget": 3}),
        ({"original": True}, {"mask_schedule": "cosine"}),
        ({"strategy": "easy_first"}, {"halve_candidates": 1}),
        ({"original": True}, {"entropy_bound": 0.0}),
        ({"original": True}, {"block_length": 8}),
        ({"original": True}, {"temperature": 1.0}),
        ({"strategy": "easy_first"}, {"mask_schedule": "cosine"}),
        ({"strategy": "easy_first"}, {"order": "entropy"}),
        ({"strategy": "easy_first"}, {"entropy_bound": 0.0}),
        ({"strategy": "left_to_right"}, {"block_length": 8}),
        ({"strategy": "left_to_right"}, {"top_p": 0.9}),
        ({"block_length": 8}, {"halve_candidates": 1}),
        ({"block_length": 8}, {"plan_by": "pseudo_likelihood"}),
        ({"strategy": "easy_first"}, {"plan_by": "pseudo_likelihood"}),
        ({"original": True}, {"plan_by": "pseudo_likelihood"}),
        ({"original": True}, {"choose_by": "consensus"}),
        ({"gold_target_length": True}, {"length_budget": 3}),
    ],
)
def test_what_excludes_each_other(other: dict[str, Any], option: dict[str, Any]) -> None:
    flag = {one.name: flag_of(one) for one in declared(Decoding)}[next(iter(option))]
    with pytest.raises(OptionError, match=rf"{flag} .* cannot be combined with --"):
        Decoding.of(**other, **option)
    Decoding.of(**other)
    Decoding.of(**option)


def test_a_checkpoint_sets_who_reads_it(tmp_path: Path) -> None:
    model = tmp_path / "teacher.pt"
    model.write_text("one")
    decoding = Decoding.of(rescore_with=model, plan_with=str(model))
    assert (decoding.choose_by, decoding.plan_by, decoding.rescore_with) == (*["autoregressive"] * 2, str(model))
    assert Decoding.of(rescore_with=model, choose_by="autoregressive+confidence:0.5").weights["confidence"] == 0.5
    # A signature tells the content, not the place.
    signed = decoding.signature()
    digest = hashlib.sha256(b"one").hexdigest()[:12]
    assert f"|choose_by:autoregressive|rescore_with:teacher.pt@{digest}|" in signed
    (tmp_path / "elsewhere").mkdir()
    moved = model.rename(tmp_path / "elsewhere" / "teacher.pt")
    assert Decoding.of(rescore_with=moved, plan_with=moved).signature() == signed
    moved.write_text("another")
    assert Decoding.of(rescore_with=moved, plan_with=moved).signature() != signed
    with pytest.raises(OptionError, match=r"teacher\.pt cannot be read: No such file"):
        decoding.signature()


def test_who_searches_chooses_too(tmp_path: Path) -> None:
    model = tmp_path / "teacher.pt"
    model.write_text("one")
    decoding = Decoding.of(search_with=model, beam=3)
    assert decoding.weights == {"autoregressive": 1.0, "consensus": 4.0}
    assert decoding.rescore_with == decoding.search_with == str(model)
    assert "|search_with:teacher.pt@" in decoding.signature() and "|beam:3|" in decoding.signature()
    for preset in ("full", "best"):
        both = Decoding.of(preset=preset, search_with=model, rescore_with="x")
        assert (both.rescore_with, both.choose_by) == ("x", "autoregressive+consensus:4")
        assert Decoding.of(preset=preset, search_with=model).choose_by == "autoregressive+consensus:4"
    assert Decoding.of(preset="best", rescore_with="x").choose_by == "autoregressive+consensus:2"
    assert Decoding.of(preset="best", rescore_with="x", choose_by="autoregressive").choose_by == "autoregressive"
    assert Decoding.of(search_with=model, choose_by="consensus").rescore_with is None
    for other in ({"original": True}, {"gold_target_length": True}, {"length_budget": 3}, {"strategy": "easy_first"}):
        with pytest.raises(OptionError, match=r"--search-with .* cannot be combined with --"):
            Decoding.of(search_with=model, **other)


def test_who_verifies_leaves_nothing_to_choose(tmp_path: Path) -> None:
    model = tmp_path / "teacher.pt"
    model.write_text("one")
    signed = Decoding.of(verify_with=model, length_beam=3).signature()
    assert signed.startswith("strategy:mask_predict|length_beam:3|") and "|verify_with:teacher.pt@" in signed
    assert "iterations" not in signed and "beam:5" not in signed
    others: list[dict[str, object]] = [{"search_with": model}, {"strategy": "easy_first"}, {"choose_by": "consensus"}]
    for other in [*others, {"stop_unchanged": 1}, {"original": True}, {"gold_target_length": True}, {"top_p": 0.5}]:
        with pytest.raises(OptionError, match=r"cannot be combined with --"):
            Decoding.of(verify_with=model, **other)
    with pytest.raises(OptionError, match="--decoding-iterations 3 has no effect without refinement: leave out --ver"):
        Decoding.of(verify_with=model, iterations=3)


def test_a_planner_reads_what_stands() -> None:
    assert Decoding.of(strategy="path_planning").rereads and Decoding.of(strategy="edit").rereads
    assert not Decoding.of(strategy="path_planning", plan_with="x").rereads
    assert Decoding.of(strategy="edit", plan_with="x").rereads


def test_what_draws() -> None:
    assert Decoding.of().draw is None
    assert Decoding.of(temperature=0.5).draw == (0.5, 1.0)
    assert Decoding.of(top_p=0.9).draw == (1.0, 0.9)


def test_an_option_of_a_preset_is_refused_as_if_it_were_given() -> None:
    with pytest.raises(
        OptionError, match=r"--confidence-threshold 0.85 .*set by --decoding-preset.* --original-decoding"
    ):
        Decoding.of(preset="fast", original=True, length_prior=0.0)


def test_passes_by_length() -> None:
    def passes(iterations: int, per_token: Optional[float]) -> list[int]:
        decoding = Decoding.of(iterations=iterations, iterations_per_token=per_token)
        return decoding.passes(torch.tensor([1, 5, 30])).tolist()

    assert passes(10, None) == [10, 10, 10]
    assert passes(10, 0.5) == [1, 3, 10]
    assert passes(10, 1e300) == [10, 10, 10]
    assert passes(0, None) == [1, 5, 30]
    assert passes(0, 0.5) == [1, 3, 15]


def test_a_preset_gives_way_to_what_is_given() -> None:
    assert Decoding.of(stop_unchanged=None) == Decoding()
    found = Decoding.of(preset="fast", halve_candidates=4, length_prior=None, stop_unchanged=9)
    assert found == Decoding(**{**PRESETS["fast"], "preset": "fast", "halve_candidates": 4, "stop_unchanged": 9})


def test_the_exact_mode_chooses_candidates_as_the_paper_does() -> None:
    assert Decoding.of().length_prior == 1.0
    assert Decoding.of(original=True).length_prior == 0.0


def test_a_signature_has_what_differs_and_what_matters() -> None:
    signed = Decoding.of(iterations=4, stop_unchanged=2, length_prior=0.5).signature()
    start = "strategy:mask_predict|iterations:4|mask_schedule:linear|length_beam:5|length_prior:0.5|dtype:float32|"
    assert signed.startswith(f"{start}stop_unchanged:2|version:")
    assert "|beam:3|version:" in Decoding.of(strategy="easy_first", beam=3).signature()
