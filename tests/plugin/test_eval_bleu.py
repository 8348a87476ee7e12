from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pytest
from fairseq_commands import LANGUAGES, PLUGIN, TINY, run

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


def test_losses_in_bfloat16_do_not_hear_of_the_decodings(data: Path, tmp_path: Path) -> None:
    options = (*PLUGIN, *LANGUAGES, *(option for option in TINY if option != "--disable-validation"))
    options += ("--training-dtype", "bfloat16", "--max-update", "2", "--max-tokens-valid", "64", "--log-format", "json")
    bleu = ("--eval-bleu", "--eval-bleu-args", '{"decoding_iterations": 1}')
    alone, beside = (
        re.findall(r'"valid_loss": "([^"]*)"', run("train", data, *options, *given, "--save-dir", tmp_path / name))
        for name, given in (("alone", ()), ("beside", bleu))
    )
    assert alone and beside == alone
