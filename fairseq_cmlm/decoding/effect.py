"""Options that have an effect only beside others, and are refused without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping

from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError

if TYPE_CHECKING:
    from fairseq_cmlm.decoding.options import Decoding

_MODEL = "autoregressive"
_THRESHOLDS = ("confidence_threshold", "edit_threshold", "entropy_bound", "stop_entropy")


def _strategies(trait: str) -> str:
    """Name the strategies with a trait."""
    names = [name for name, row in STRATEGIES.items() if getattr(row, trait) not in (None, False)]
    return f"--decoding-strategy {' or '.join(names)}"


def _has(trait: str) -> Callable[[Decoding], bool]:
    """Return whether a decoding's strategy has a trait."""
    return lambda decoding: getattr(STRATEGIES.get(decoding.strategy), trait, None) not in (None, False)


def _draws(decoding: Decoding) -> bool:
    return decoding.draw is not None or _has("random")(decoding)


def _given(value: object) -> bool:
    return value is not None


def _reads(decoding: Decoding) -> bool:
    return _MODEL in decoding.weights


def _ranks_by_probability(decoding: Decoding) -> bool:
    return decoding.order == "probability" and (_has("ranks")(decoding) or decoding.strategy == "path_planning")


# Option, whether it has an effect in a decoding, and what it needs to have one.
_NEEDS: tuple[tuple[str, Callable[[Decoding], bool], str], ...] = (
    ("iterations", lambda decoding: decoding.verify_with is None, "refinement: leave out --verify-with"),
    ("capture_passes", lambda decoding: decoding.verify_with is None, "refinement: leave out --verify-with"),
    ("choose_by", lambda decoding: _reads(decoding) <= _given(decoding.rescore_with), "--rescore-with CHECKPOINT"),
    ("rescore_with", _reads, "autoregressive in --choose-by"),
    ("plan_by", lambda decoding: decoding.plan_by != _MODEL or _given(decoding.plan_with), "--plan-with CHECKPOINT"),
    ("plan_with", lambda decoding: decoding.plan_by == _MODEL, "--plan-by autoregressive"),
    ("plan_by", _ranks_by_probability, f"--decoding-order probability and {_strategies('ranks')} or path_planning"),
    ("order", _has("ranks"), _strategies("ranks")),
    ("eta", _has("eta"), _strategies("eta")),
    ("edit_threshold", _has("rewrites"), _strategies("rewrites")),
    ("halve_candidates", lambda decoding: decoding.length_beam > 1, "two length candidates or more: --length-beam"),
    ("stop_entropy", lambda decoding: decoding.stop_unchanged is not None, "--stop-unchanged"),
    (
        "desmooth",
        lambda decoding: any(getattr(decoding, name) is not None for name in _THRESHOLDS),
        "a threshold: --" + ", --".join(name.replace("_", "-") for name in _THRESHOLDS),
    ),
    ("seed", _draws, f"--sampling-temperature or --sampling-top-p, or {_strategies('random')}"),
)


def refuse_without_effect(decoding: Decoding, flags: Mapping[str, str]) -> None:
    """Raise an OptionError for the first option of `decoding` that has no effect in it.

    flags  field -> the option's name on the command line

    >>> from fairseq_cmlm.decoding.options import Decoding
    >>> refuse_without_effect(Decoding.of(eta=2.0, strategy="path_planning"), {})
    """
    for name, acts, needed in _NEEDS:
        value = getattr(decoding, name)
        if value != decoding.__dataclass_fields__[name].default and not acts(decoding):
            raise OptionError(f"{flags[name]} {value} has no effect without {needed}")
    if decoding.original and (_has("rereads")(decoding) or _has("random")(decoding)):
        raise OptionError(
            f"--decoding-strategy {decoding.strategy} cannot be combined with --original-decoding: the released code "
            "has no such strategy; leave one of them out"
        )
