"""Checks of a decoding against the training of the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.training.objectives import OBJECTIVES


def refuse_untrained(decoding: Decoding, objective: str) -> None:
    """Raise an OptionError if `decoding` reads outputs that `objective` does not train, which would be meaningless.

    >>> refuse_untrained(Decoding.of(iterations=4), "cmlm")
    """
    if decoding.plan_by == "quality":
        _refuse_without_head("quality", objective)
    if not decoding.rereads or OBJECTIVES[objective].scores_revealed:
        return
    fit = [name for name, row in OBJECTIVES.items() if row.scores_revealed]
    trained = f"trained with --objective {' or '.join(fit)}" if fit else "whose objective does (there is none yet)"
    raise OptionError(
        f"--decoding-strategy {decoding.strategy} predicts words that already stand, and the checkpoint's objective, "
        f"{objective}, has not trained that: decode with a model {trained}, or with another strategy"
    )


def _refuse_without_head(head: str, objective: str) -> None:
    if head not in OBJECTIVES[objective].heads:
        fit = [name for name, row in OBJECTIVES.items() if head in row.heads]
        raise OptionError(
            f"--plan-by {head} reads a head that the checkpoint's objective, {objective}, does not train: decode with "
            f"a model trained with --objective {' or '.join(fit)}, or with another plan"
        )


def with_smoothing(decoding: Decoding, trained: Sequence[Optional[float]]) -> Decoding:
    """Tell a decoding that compares entropies the label smoothing of the networks, unless --desmooth is given.

    trained  label smoothing of each network in training; the mean is taken. An unknown one raises an OptionError

    >>> with_smoothing(Decoding.of(entropy_bound=0.5), [0.1]).trained_smoothing
    0.1
    """
    if not decoding.reads_entropy or decoding.desmooth is not None:
        return decoding
    known = [one for one in trained if one is not None]
    if len(known) < len(trained):
        raise OptionError(
            "--entropy-bound and --stop-entropy need the label smoothing of the training, and the checkpoint does not "
            "tell it: give it as --desmooth 0.1 (fairseq-train's --label-smoothing, by default 0.1)"
        )
    return replace(decoding, trained_smoothing=sum(known) / len(known)) if known else decoding
