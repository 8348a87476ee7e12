"""Options that exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from fairseq_cmlm.errors import OptionError

if TYPE_CHECKING:
    from fairseq_cmlm.decoding.options import Decoding

# Set by the exact mode: the released code compares candidates by their mean log-probability only.
ORIGINAL = {"length_prior": 0.0, "length_scale": 1.0}
_EARLY = ("iterations_per_token", "stop_unchanged", "stop_entropy", "confidence_threshold", "halve_candidates")
_SAMPLERS = ("order", "entropy_bound", "edit_threshold", "desmooth", "eta", "block_length", "temperature", "top_p")
# If the option on the left is on, those on the right must be off.
_CONFLICTS: dict[str, tuple[str, ...]] = {
    "original": (
        *_EARLY,
        *_SAMPLERS,
        "length_prior",
        "length_scale",
        "length_budget",
        "mask_schedule",
        "search_with",
        "verify_with",
        "choose_by",
        "plan_by",
    ),
    "strategy": (
        *_EARLY,
        *_SAMPLERS,
        "mask_schedule",
        "plan_by",
        "search_with",
        "verify_with",
    ),  # with one of SEARCH_ORDERS
    "verify_with": (*_EARLY, *_SAMPLERS, "strategy", "mask_schedule", "search_with", "choose_by", "plan_by"),
    # A block of few tokens would round the bound up, and all blocks together would exceed it.
    "block_length": ("halve_candidates", "plan_by", "iterations_per_token"),
    # A token that is kept would be ranked by how sure the network is of another one.
    "edit_threshold": ("order",),
    "gold_target_length": ("length_budget", "length_scale", "search_with", "verify_with"),
    "length_budget": ("length_scale", "search_with", "verify_with"),
}
# Values that mean "off" for options with choices.
_OFF = (None, "mask_predict", "linear", "probability", "confidence")


def refuse_conflicts(decoding: Decoding, flags: Mapping[str, str]) -> None:
    """Raise an OptionError for the first option of `decoding` that another one excludes.

    flags  field -> the option's name on the command line

    >>> from fairseq_cmlm.decoding.options import Decoding
    >>> refuse_conflicts(Decoding.of(original=True), {"original": "--original-decoding", "strategy": ""})
    """
    for name, others in _CONFLICTS.items():
        flag = f"{flags[name]} {decoding.strategy}" if name == "strategy" else flags.get(name)
        for other in others if (decoding.searches if name == "strategy" else getattr(decoding, name)) else ():
            value = getattr(decoding, other)
            if value not in (*_OFF, ORIGINAL.get(other)):
                raise OptionError(
                    f"{flags[other]} {value} (given, or set by --decoding-preset or a judge) cannot be combined with "
                    f"{flag}: leave one of them out"
                )
