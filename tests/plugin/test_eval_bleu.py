from __future__ import annotations

from argparse import Namespace

import pytest

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.eval_bleu import check_eval_bleu


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("args", '{"decoding_iterations": 4, "beam": 5, "print_step": true}', None),
        ("args", None, None),
        ("args", '{"min_len": 2}', None),  # refused by its own message when the generator is built
        (
            "args",
            '{"decoding_iteration": 4}',
            "decoding_iteration is no decoding option: did you mean decoding_iterations?",
        ),
        ("args", '{"iterations": 4}', "--eval-bleu-args: iterations is no decoding option: did you mean"),
        ("args", '{"xyz": 4}', "--eval-bleu-args: xyz is no decoding option: there are decoding_preset, "),
        ("args", "{decoding", "--eval-bleu-args {decoding is not JSON"),
        ("args", "[4]", r"--eval-bleu-args \[4\] must be a JSON object"),
        ("detok", "moses", None),
        ("detok", "mose", "--eval-bleu-detok mose must be one of moses, nltk, space"),
        ("detok_args", "{x", "--eval-bleu-detok-args {x is not JSON"),
    ],
)
def test_options_are_checked_before_the_training(option: str, value: str | None, message: str | None) -> None:
    given = {"eval_bleu_args": "{}", "eval_bleu_detok": "space", "eval_bleu_detok_args": "{}"}
    cfg = Namespace(**{**given, f"eval_bleu_{option}": value})
    if message is None:
        check_eval_bleu(cfg)
    else:
        with pytest.raises(OptionError, match=message):
            check_eval_bleu(cfg)
