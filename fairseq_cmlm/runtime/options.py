"""The decoding options, from the declaration that a bundle carries: that of fairseq_cmlm.decoding.options."""

from __future__ import annotations

from dataclasses import Field, fields, make_dataclass
from typing import Any, Container, Mapping

from fairseq_cmlm.errors import BundleError, OptionError, meant
from fairseq_cmlm.options import check, declared, flag_of, name_of, option
from fairseq_cmlm.runtime.manifest import Manifest
from fairseq_cmlm.runtime.schedule import SCHEDULES
from fairseq_cmlm.runtime.strategy import STRATEGIES

# Options that the runtime supports.
SUPPORTED = (
    *("preset", "strategy", "iterations", "mask_schedule", "length_beam", "length_prior", "length_scale"),
    *("length_budget", "dtype", "halve_candidates", "iterations_per_token", "stop_unchanged", "confidence_threshold"),
)
_FACTS = ("flag", "choices", "least", "above", "most", "below", "signed", "file")
_READ = ("name", "type", "default", "help", *_FACTS)


def presets_of(presets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the presets that set nothing which the runtime lacks."""
    return [name for name, sets in presets.items() if set(SUPPORTED).issuperset(sets)]


def carried(declaration: type) -> list[dict[str, Any]]:
    """Return a declaration in the form that a manifest stores."""
    return [
        {
            **{"name": one.name, "type": str(one.type), "default": one.default, "help": one.metadata["help"]},
            **{fact: one.metadata[fact] for fact in _FACTS if fact != "choices"},
            "choices": None if one.metadata["choices"] is None else list(one.metadata["choices"]),
        }
        for one in declared(declaration)
    ]


def declaration_of(manifest: Manifest, supported: bool = False) -> type:
    """Return the declaration of a bundle's options as a dataclass, with the choices that the runtime has.

    supported  leave out the options that the runtime has not
    """
    known: dict[str, Container[str]] = {
        "strategy": STRATEGIES,
        "mask_schedule": SCHEDULES,
        "dtype": manifest.dtypes,
        "preset": presets_of(manifest.presets),
    }
    missing = set(SUPPORTED) - {one.get("name") for one in manifest.options}
    lacking = [f"{one.get('name')} {fact}" for one in manifest.options for fact in _READ if fact not in one]
    if missing or lacking:
        raise BundleError(
            f"the bundle's options lack {', '.join([*sorted(missing), *lacking])}, which this runtime reads: export "
            "the checkpoint again"
        )
    made = []
    for one in manifest.options:
        if supported and one["name"] not in SUPPORTED:
            continue
        facts = {fact: one[fact] for fact in _FACTS}
        if one["name"] in known:
            facts["choices"] = [choice for choice in one["choices"] if choice in known[one["name"]]]
        made.append((one["name"], one["type"], option(one["default"], one["help"], **facts)))
    return make_dataclass("Decoding", made, frozen=True)


def decoding_of(declaration: type, manifest: Manifest, given: Mapping[str, Any]) -> Any:
    """Make a decoding of the options that are `given`; a preset fills in the others.

    Raise an OptionError for what the runtime cannot do, which says who can.
    """
    known = [one.name for one in fields(declaration)]
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in known:
            flags = {name_of(one): one.name for one in declared(declaration)}
            hint = f"use {flags[name]}" if name in flags else meant(name, SUPPORTED)
            raise OptionError(f"'{name}' is no decoding option: {hint}")
    preset = given.get("preset", "full")
    if str(preset) not in manifest.presets:
        raise OptionError(f"--decoding-preset {preset} must be one of {', '.join(manifest.presets)}")
    decoding = declaration(**{**manifest.presets[preset], **given})
    for one in declared(decoding):
        value = getattr(decoding, one.name)
        if value != one.default and (one.name not in SUPPORTED or str(value) in _elsewhere(one, manifest)):
            choices = f"there are {', '.join(one.metadata['choices'])}" if one.name in SUPPORTED else "leave it out"
            raise OptionError(
                f"{flag_of(one)} {value} is not for a bundle: {choices}, or decode the checkpoint with "
                "fairseq_cmlm.Translator"
            )
    check(decoding)
    if decoding.length_budget is not None and decoding.length_scale != 1:
        raise OptionError("--length-scale cannot be combined with --length-budget: leave one of them out")
    if decoding.halve_candidates is not None and decoding.length_beam == 1:
        raise OptionError(
            f"--halve-candidates {decoding.halve_candidates} has no effect without two length candidates or more: "
            "--length-beam"
        )
    return decoding


def _elsewhere(one: Field[Any], manifest: Manifest) -> set[str]:
    """Return the choices of an option that fairseq_cmlm has and the runtime lacks."""
    everything = next(other["choices"] for other in manifest.options if other["name"] == one.name)
    return set(everything or ()) - set(one.metadata["choices"] or ())
