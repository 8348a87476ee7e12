"""The options of a bundle are those of the one declaration; what the runtime cannot do is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.demo.request import OFFERED, form
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.options import declared
from fairseq_cmlm.runtime import Bundle
from fairseq_cmlm.runtime.options import SUPPORTED, carried, declaration_of

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 0.5}, r"--sampling-temperature 0.5 is not for a bundle: leave it out, or decode the checkpoint"),
    ({"strategy": "edit"}, r"--decoding-strategy edit is not for a bundle: there are mask_predict, without_remasking"),
    ({"dtype": "bfloat16"}, r"--decoding-dtype bfloat16 is not for a bundle: there are float32, int8"),
    ({"preset": "best"}, r"--decoding-preset best is not for a bundle: there are full, fast, or decode the checkpoint"),
    ({"choose_by": "consensus"}, r"--choose-by consensus is not for a bundle"),
    ({"original": True}, r"--original-decoding True is not for a bundle"),
    ({"iterations": -1}, r"--decoding-iterations -1 must be at least 0"),
    ({"iterations": "4"}, r"--decoding-iterations '4' must be a whole number"),
    ({"iterations": [4]}, r"--decoding-iterations \[4\] must be a whole number"),
    ({"iterations": 10**20}, r"--decoding-iterations 10+ must be at least 0 and at most 2147483647"),
    ({"preset": ["fast"]}, r"--decoding-preset \['fast'\] must be one of"),
    ({"length_scale": 1e-6}, r"--length-scale 1e-06 must be at least 0.1"),
    ({"strategy": "nonsense"}, r"--decoding-strategy nonsense must be one of"),
    ({"preset": "slow"}, r"--decoding-preset slow must be one of full, fast"),
    ({"decoding_iterations": 4}, r"'decoding_iterations' is no decoding option: use iterations"),
    ({"beam": 4}, r"'beam' is no decoding option: did you mean length_beam"),
    ({"length_budget": 6, "length_scale": 1.5}, r"--length-scale cannot be combined with --length-budget"),
    ({"halve_candidates": 2, "length_beam": 1}, r"--halve-candidates 2 has no effect without two length candidates"),
    ({"length_budget": 5000}, r"--length-budget 5000 does not fit"),
    (
        {"targets": ["a <blank>"]},
        r"a bundle fills no gaps of targets: only a checkpoint does",
    ),
    ({"alternatives": 3}, r"alternatives=3 stand in the history"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=str)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str, bundle: Path) -> None:
    with pytest.raises(OptionError, match=message):
        Bundle(bundle).translate(["a bird"], **options)


def test_defaults_may_be_given(bundle: Path) -> None:
    opened = Bundle(bundle)
    given = {"choose_by": "confidence", "order": "probability", "plan_by": "confidence", "seed": 0, "eta": None}
    assert opened.translate(["a bird"], **given) == opened.translate(["a bird"])


def test_the_bundle_carries_the_declaration(bundle: Path) -> None:
    manifest = Bundle(bundle).manifest
    assert manifest.options == json.loads(json.dumps(carried(Decoding)))
    made = {one.name: one for one in declared(declaration_of(manifest))}
    for one in declared(Decoding):
        other = made.pop(one.name)
        assert (other.type, other.default) == (one.type, one.default)
        assert {**other.metadata, "choices": 0} == {**one.metadata, "choices": 0}
        assert set(other.metadata["choices"] or ()) <= set(one.metadata["choices"] or ())
    assert not made


def test_the_page_of_a_bundle_offers_what_it_follows(bundle: Path) -> None:
    offered = [one["name"] for one in form(Bundle(bundle).declaration)]
    assert offered == [name for name in OFFERED if name in SUPPORTED] and "temperature" not in offered


def test_every_supported_option_is_declared() -> None:
    assert set(SUPPORTED) <= {one.name for one in declared(Decoding)}


def test_texts_may_come_one_by_one(bundle: Path) -> None:
    opened, texts = Bundle(bundle), ["a bird", "", "a dog"]
    found = opened.translate((text for text in texts), length_budget=3)  # type: ignore[arg-type]
    assert [bool(one.text) for one in found] == [True, False, True]  # of nothing comes nothing


@pytest.mark.parametrize("threads", [0, -1, 10**6, True, "2"])
def test_threads_are_those_that_there_are(threads: Any, bundle: Path) -> None:
    with pytest.raises(OptionError, match=f"--threads {threads!r} must be a whole number from 1 to"):
        Bundle(bundle, threads=threads)


@pytest.mark.parametrize("alternatives", [-1, 1.5, "2"])
def test_alternatives_are_a_number(alternatives: Any, bundle: Path) -> None:
    with pytest.raises(OptionError, match="must be a whole number, 0 or more"):
        Bundle(bundle).translate(["a bird"], history=True, alternatives=alternatives)


@pytest.mark.parametrize("texts", ["a bird", [1]])
def test_texts_are_a_list_of_strings(texts: Any, bundle: Path) -> None:
    with pytest.raises(TextError, match="texts must be a list of strings"):
        Bundle(bundle).translate(texts)


def test_a_text_that_is_too_long_is_told(bundle: Path) -> None:
    opened = Bundle(bundle)
    limit = opened.manifest.limits[0]
    with pytest.raises(TextError, match=rf"texts\[1\] has {limit + 1} tokens"):
        opened.translate(["a bird", "bird " * limit])
