"""The requests of the page, and the answer: a decoding, pass by pass."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Callable, Optional, Protocol

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.options import declared, flag_of, kind_of
from fairseq_cmlm.translation import Candidate, TracedPass, Translation, shares

# The decoding options that a page may set, in the order of its form. To offer another: its name here. Those that change
# the model for everybody (dtype), name a file or need a reference must not be among them.
OFFERED = (
    *("strategy", "iterations", "length_beam", "mask_schedule", "length_prior", "halve_candidates"),
    *("stop_unchanged", "confidence_threshold", "order", "entropy_bound", "edit_threshold", "eta"),
    *("choose_by", "plan_by", "length_scale", "temperature", "top_p", "seed"),
)
# Limits on what costs time, so that one user cannot take the machine from the others.
MOST = {"iterations": 100, "length_beam": 20}
_ALTERNATIVES = 8

# Hands an event to the page: {"pass": ...} for each pass of each candidate, and {"done": ...} at the end.
Send = Callable[[dict[str, Any]], None]


class Model(Protocol):
    """The model behind the page: a Translator, or a Bundle, which needs no torch."""

    @property
    def languages(self) -> tuple[str, str]:
        """Return the names of source and target language."""

    @property
    def declaration(self) -> type:
        """Return the declaration of its decoding options."""

    @property
    def fills_blanks(self) -> bool:
        """Return whether it takes targets with blanks to fill."""

    @property
    def translate(self) -> Callable[..., list[Translation]]:
        """Translate texts, and perhaps targets."""

    @property
    def go_on(self) -> Callable[..., Translation]:
        """Go on from a draft."""

    def fullest_history(self, alternatives: int, **options: Any) -> dict[str, Any]:
        """Return arguments of both for the fullest history, in a decoding with `options`."""


@dataclass(frozen=True)
class Request:
    """A text to translate.

    target   its translation with blanks, None for none
    options  of decoding, by name
    draft    the arguments of `Translator.go_on` after the first, to go on from; None to begin
    """

    text: str
    target: Optional[str]
    options: dict[str, Any]
    draft: Optional[dict[str, Any]]


def read_json(body: bytes) -> Any:
    """Read the body of a request; raise a TextError if it is no JSON, no UTF-8, or too deep."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise TextError("the request is not JSON") from None


def read_request(body: bytes, declaration: type) -> Request:
    """Read a request of the page, with declared options; raise a TextError or an OptionError if it is not valid."""
    found = read_json(body)
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        raise TextError("the request has no text")
    target, options, draft = found.get("target"), found.get("options", {}), found.get("draft")
    if not isinstance(target, (str, type(None))) or not isinstance(options, dict):
        raise TextError("the request's target must be a text and its options must be an object")
    if target and draft is not None:
        raise TextError("a request has a target to begin with or a draft to go on from, not both")
    _check_options(options, declaration)
    return Request(found["text"], target or None, options, None if draft is None else _draft(draft))


def _check_options(options: dict[str, Any], declaration: type) -> None:
    for name, value in options.items():
        if name not in OFFERED:
            raise OptionError(f"'{name}' cannot be set here: there are {', '.join(OFFERED)}")
        if name in MOST and isinstance(value, int) and value > MOST[name]:
            flag = flag_of(next(one for one in declared(declaration) if one.name == name))
            raise OptionError(f"{flag} {value} is more than the {MOST[name]} that are allowed here")


# The entries of a draft, and the type of what their lists hold.
_LISTS: dict[str, Any] = {"tokens": str, "probabilities": (int, float), "masked": bool, "fixed": bool}


def _draft(found: Any) -> dict[str, Any]:
    fits = isinstance(found, dict) and found.keys() == {*_LISTS, "done"} and type(found["done"]) is int
    if not fits or not all(_is_list(found[name], kind) for name, kind in _LISTS.items()):
        raise TextError(f"the request's draft must have the lists {', '.join(_LISTS)} and the number done")
    return dict(found)


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, kind) and (kind is bool or not isinstance(one, bool)) for one in value
    )


def answer(model: Model, request: Request, send: Send) -> None:
    """Decode the request and send every pass as it is made, then the candidates in their order.

    Exceptions of `send` end the decoding. Raise a TextError or an OptionError, before anything is sent, for a request
    that the model cannot meet.
    """
    shown = model.fullest_history(_ALTERNATIVES, **request.options)

    def watch(text: int, number: int, made: TracedPass) -> None:
        send({"pass": {**asdict(made), "attention": shares(made.attention), "number": number}})

    if request.draft is not None:
        found = model.go_on(request.text, **request.draft, watch=watch, **shown, **request.options)
    else:
        targets = None if request.target is None else [request.target]
        (found,) = model.translate([request.text], targets, watch=watch, **shown, **request.options)
    send({"done": _summary(found)})


def _summary(found: Translation) -> dict[str, Any]:
    candidates = [_facts(one, False) for one in found.candidates] + [_facts(one, True) for one in found.given_up]
    return {"source": found.source, "candidates": candidates}


def _facts(one: Candidate, given_up: bool) -> dict[str, Any]:
    facts = asdict(one)
    del facts["history"]  # the page has it already
    return {**facts, "given_up": given_up}


def form(declaration: type) -> list[dict[str, Any]]:
    """Return the fields of the page's form, from the declaration of the options; those that it lacks are left out."""
    by_name = {one.name: one for one in declared(declaration)}
    return [
        {
            "name": name,
            "help": by_name[name].metadata["help"],
            "kind": kind_of(by_name[name]).__name__,
            "default": by_name[name].default,
            "choices": list(by_name[name].metadata["choices"] or []),
            "least": by_name[name].metadata["least"],
            "most": MOST.get(name, by_name[name].metadata["most"]),
        }
        for name in OFFERED
        if name in by_name
    ]
