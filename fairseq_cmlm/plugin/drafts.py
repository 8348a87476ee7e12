"""Drafts as words: a target in the making, read into the ids of a dictionary."""

from __future__ import annotations

import math
from typing import Sequence

from fairseq_cmlm.decoding.draft import Draft
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.dictionary import MaskedDictionary

_LEAST = 1e-30  # the least probability whose logarithm says more than "impossible"


def read_draft(
    dictionary: MaskedDictionary,
    tokens: Sequence[str],
    probabilities: Sequence[float],
    masked: Sequence[bool],
    fixed: Sequence[bool],
    done: int,
) -> Draft:
    """Return the draft of n tokens, `</s>` included; the arguments are those of `Translator.go_on`.

    What does not fit together, or a token that the dictionary lacks, is a TextError.
    """
    if not len(tokens) == len(probabilities) == len(masked) == len(fixed):
        raise TextError("tokens, probabilities, masked and fixed must be of one length: an entry for each token")
    if not tokens or tokens[-1] != dictionary.eos_word:
        raise TextError(f"tokens must end in {dictionary.eos_word}")
    if done < 0 or not all(0 <= p <= 1 for p in probabilities):
        raise TextError("done must be at least 0, and probabilities must be from 0 to 1")
    hidden = [masks and not given for masks, given in zip(masked, fixed)]
    ids = [dictionary.eos() if hides else _id(dictionary, token) for token, hides in zip(tokens[:-1], hidden)]
    return Draft(
        tokens=[*ids, dictionary.eos()],
        log_probs=[math.log(max(p, _LEAST)) for p in probabilities],
        masked=hidden,
        fixed=fixed,
        done=done,
    )


def _id(dictionary: MaskedDictionary, token: str) -> int:
    index = dictionary.index(token)
    if index == dictionary.unk() and token != dictionary.unk_word:  # which the model may have written
        raise TextError(f"the model's dictionary has no '{token}', so the target cannot keep it")
    return index
