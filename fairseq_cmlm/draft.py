"""Drafts: a target in the making, from which decoding goes on, as it was left or as the user has changed it."""

from __future__ import annotations

import math
from typing import Callable, NamedTuple, Sequence

from fairseq_cmlm.errors import TextError

_LEAST = 1e-30  # the least probability whose logarithm says more than "impossible"


class Draft(NamedTuple):
    """A target of n tokens, `</s>` included, after some passes.

    tokens     ids; anything at masked positions
    log_probs  of the tokens, natural log, each in the pass that predicted it
    masked     what the next pass predicts; none of it is fixed
    fixed      what is never changed
    done       the passes made so far
    """

    tokens: Sequence[int]
    log_probs: Sequence[float]
    masked: Sequence[bool]
    fixed: Sequence[bool]
    done: int


class Vocabulary(NamedTuple):
    """The target's words: the id of a word, that of `unknown` for one that is none; and two of them with their ids."""

    id_of: Callable[[str], int]
    end: tuple[str, int]
    unknown: tuple[str, int]


def read_draft(
    words: Vocabulary,
    tokens: Sequence[str],
    probabilities: Sequence[float],
    masked: Sequence[bool],
    fixed: Sequence[bool],
    done: int,
) -> Draft:
    """Return the draft of n tokens, `</s>` included; the arguments are those of `Translator.go_on`.

    What does not fit together, or a token that the vocabulary lacks, is a TextError.
    """
    end_word, end = words.end
    if not len(tokens) == len(probabilities) == len(masked) == len(fixed):
        raise TextError("tokens, probabilities, masked and fixed must be of one length: an entry for each token")
    if not tokens or (tokens[-1] != end_word and not masked[-1]):
        raise TextError(f"tokens must end in {end_word}")
    if done < 0 or not all(0 <= p <= 1 for p in probabilities):
        raise TextError("done must be at least 0, and probabilities must be from 0 to 1")
    hidden = [masks and not given for masks, given in zip(masked, fixed)]
    ids = [end if hides else _id(words, token) for token, hides in zip(tokens[:-1], hidden)]
    return Draft(
        tokens=[*ids, end],
        log_probs=[math.log(max(p, _LEAST)) for p in probabilities],
        masked=hidden,
        fixed=fixed,
        done=done,
    )


def _id(words: Vocabulary, token: str) -> int:
    found, (unknown_word, unknown) = words.id_of(token), words.unknown
    if found == unknown and token != unknown_word:  # which the model may have written
        raise TextError(f"the model's dictionary has no '{token}', so the target cannot keep it")
    return found
