"""Options of fairseq's generation commands that mean nothing to mask-predict and are refused by name."""

from __future__ import annotations

from typing import Any

from fairseq_cmlm.errors import OptionError

_NO_LEFT_TO_RIGHT = "it belongs to left-to-right search, and a cmlm model does not decode that way"

_LENGTHS = "the model predicts the lengths; --length-budget sets them"
_CHOICE = "use --length-prior, the weight of the length in the choice of the candidate"
_NO_DROPOUT = "leave it out: decoding knows no dropout"
_SAMPLING = "use --sampling-temperature and --sampling-top-p, which draw the token of each masked position"
_OF_SPEECH = {"beam": 0, "max_len_a": 0, "max_len_b": 200, "lenpen": 1}

# Option of fairseq -> (its default, what to do instead). Any other value would be ignored silently.
FOREIGN_OPTIONS: dict[str, tuple[Any, str]] = {
    "iter_decode_max_iter": (
        10,
        "use --decoding-iterations, which counts every pass (fairseq's --iter-decode-max-iter 9 makes 10 passes)",
    ),
    "iter_decode_force_max_iter": (
        False,
        "leave it out: --decoding-iterations passes are always made, except where nothing is masked any more",
    ),
    "iter_decode_with_beam": (
        1,
        "use --length-beam, which decodes the most probable lengths (fairseq's takes the lengths around the best one)",
    ),
    "iter_decode_eos_penalty": (0.0, "leave it out: a cmlm model has no insertions whose end could be penalised"),
    "iter_decode_with_external_reranker": (False, "use --rescore-with CHECKPOINT, the autoregressive model"),
    "score_reference": (False, "leave it out: a cmlm model has no left-to-right score of a reference"),
    "sampling": (False, _SAMPLING),
    "diverse_beam_groups": (-1, _NO_LEFT_TO_RIGHT),
    "diversity_rate": (-1.0, _NO_LEFT_TO_RIGHT),
    "match_source_len": (False, _NO_LEFT_TO_RIGHT),
    "constraints": (None, "use --infill, whose lines are SOURCE<TAB>TARGET with blanks"),
    "sampling_topk": (-1, _SAMPLING),
    "sampling_topp": (-1.0, _SAMPLING),
    "lm_weight": (0.0, _NO_LEFT_TO_RIGHT),
    "no_early_stop": (False, _NO_LEFT_TO_RIGHT),
    "min_len": (1, _LENGTHS),
    "max_len_a": (0, _LENGTHS),
    "max_len_b": (200, _LENGTHS),
    "no_repeat_ngram_size": (0, _NO_LEFT_TO_RIGHT),
    "lm_path": (None, _NO_LEFT_TO_RIGHT),
    "lenpen": (1, _CHOICE),
    "unnormalized": (False, _CHOICE),
    "unkpen": (0, "leave it out: unknown words are not penalised"),
    "temperature": (1.0, _SAMPLING),
    "print_alignment": (None, "leave it out: no alignment is computed"),
    "replace_unk": (None, "leave it out: no alignment is computed"),
    "retain_dropout": (False, _NO_DROPOUT),
    "retain_dropout_modules": (None, _NO_DROPOUT),
    "diverse_beam_strength": (0.5, _NO_LEFT_TO_RIGHT),
    "decoding_format": (None, "use --decoding-strategy"),
    "eos_token": (None, "leave it out: </s> ends every translation"),
    **{f"{name}_mt": (default, "leave it out: it is for speech") for name, default in _OF_SPEECH.items()},
}


def refuse_foreign_options(options: Any) -> None:
    """Raise for the first of `options`, a namespace or config, that has no meaning here and is not at its default."""
    for name, (default, advice) in FOREIGN_OPTIONS.items():
        value = getattr(options, name, default)
        if value != default and value is not None:
            raise OptionError(f"--{name.replace('_', '-')} {value} is not for --task translation_cmlm: {advice}")
