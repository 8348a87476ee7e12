"""What the page may ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.demo.request import MOST, OFFERED, form, read_request
from fairseq_cmlm.errors import OptionError, TextError, UserError
from fairseq_cmlm.options import declared

DRAFT = {
    "tokens": ["a", "</s>"],
    "probabilities": [1, 0.5],
    "masked": [True, False],
    "fixed": [False, False],
    "done": 1,
}


def read(**found: Any) -> Any:
    return read_request(json.dumps(found).encode(), Decoding)


def test_a_request_is_read() -> None:
    found = read(text="a", target="b <blank>", options={"iterations": 4})
    assert (found.text, found.target, found.options, found.draft) == ("a", "b <blank>", {"iterations": 4}, None)
    assert read(text="a", draft=DRAFT).draft == DRAFT
    assert (read(text="").options, read(text="", target="").target, read(text="").draft) == ({}, None, None)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"text": 1}, "the request has no text"),
        ({}, "the request has no text"),
        ({"text": "a", "target": 1}, "the request's target must be a text"),
        ({"text": "a", "target": "b", "draft": DRAFT}, "a target to begin with or a draft to go on from, not both"),
        ({"text": "a", "options": []}, "its options must be an object"),
        ({"text": "a", "options": {"dtype": "int8"}}, "'dtype' cannot be set here: there are strategy, iterations"),
        (
            {"text": "a", "options": {"iterations": 101}},
            "--decoding-iterations 101 is more than the 100 that are allowed",
        ),
        (
            {"text": "a", "options": {"length_beam": 10**30}},
            "--length-beam 1000000000000000000000000000000 is more than",
        ),
        ({"text": "a", "draft": []}, "the request's draft must have the lists tokens"),
        ({"text": "a", "draft": {}}, "the request's draft must have the lists tokens"),
        ({"text": "a", "draft": {**DRAFT, "watch": 1}}, "the request's draft must have"),
        ({"text": "a", "draft": {**DRAFT, "tokens": [1, "</s>"]}}, "the request's draft must have"),
        ({"text": "a", "draft": {**DRAFT, "masked": [1, 0]}}, "the request's draft must have"),
        ({"text": "a", "draft": {**DRAFT, "probabilities": [True, 1]}}, "the request's draft must have"),
        ({"text": "a", "draft": {**DRAFT, "done": True}}, "the request's draft must have"),
    ],
)
def test_a_wrong_request_is_named(found: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(**found)


@pytest.mark.parametrize("body", [b"", b"text", b"\xff", b"[]", b"null", b'{"text": "a"'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(TextError, match=r"the request (is not JSON|has no text)"):
        read_request(body, Decoding)


def test_the_form_is_the_declaration() -> None:
    fields = {one["name"]: one for one in form(Decoding)}
    assert tuple(fields) == OFFERED
    for one in declared(Decoding):
        if one.name in fields:
            assert fields[one.name]["default"] == one.default and fields[one.name]["help"] == one.metadata["help"]
    assert fields["strategy"]["choices"] == list(Decoding.__dataclass_fields__["strategy"].metadata["choices"])
    assert fields["length_beam"] | {"help": ""} == {
        **{"name": "length_beam", "help": "", "kind": "int", "default": 5, "choices": [], "least": 1},
        "most": MOST["length_beam"],
    }


def test_no_option_that_changes_the_model_or_names_a_file_is_offered() -> None:
    """A new option is offered by name alone; those that no user may set for all others never are."""
    assert not {"dtype", "gold_target_length"} & {*OFFERED}
    for one in declared(Decoding):
        if one.metadata.get("file"):
            assert one.name not in OFFERED
    with pytest.raises(OptionError):
        read(text="a", options={"gold_target_length": True})
