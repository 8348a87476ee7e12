"""Checks of the options of --eval-bleu, before the training begins."""

from __future__ import annotations

import json
from typing import Any, Optional

from fairseq.data.encoders import TOKENIZER_REGISTRY

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError, meant
from fairseq_cmlm.options import declared, name_of
from fairseq_cmlm.plugin.foreign_options import FOREIGN_OPTIONS

# Other names that --eval-bleu-args may hold.
_OF_GENERATION = ("beam", "print_step", "retain_iter_history")


def check_eval_bleu(cfg: Any) -> None:
    """Raise an OptionError for an option of --eval-bleu that cannot work; decoding options are checked later."""
    _check_names(_read("--eval-bleu-args", cfg.eval_bleu_args))
    _read("--eval-bleu-detok-args", cfg.eval_bleu_detok_args)
    if cfg.eval_bleu_detok not in TOKENIZER_REGISTRY:
        raise OptionError(
            f"--eval-bleu-detok {cfg.eval_bleu_detok} must be one of {', '.join(sorted(TOKENIZER_REGISTRY))}"
        )


def _read(flag: str, text: Optional[str]) -> dict[str, Any]:
    """Parse the JSON object in the value of `flag`."""
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise OptionError(f"{flag} {text} is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise OptionError(f"{flag} {text} must be a JSON object: '{{\"decoding_iterations\": 4}}'")
    return given


def _check_names(given: dict[str, Any]) -> None:
    """Raise for a name that is neither a decoding option nor one of fairseq's own."""
    known = [*(name_of(one) for one in declared(Decoding)), *_OF_GENERATION]
    for name in given:
        if name not in known and name not in FOREIGN_OPTIONS:
            raise OptionError(f"--eval-bleu-args: {name} is no decoding option: {meant(name, known)}")
