"""The strategies and the exact mode of the released code, through fairseq-generate."""

from __future__ import annotations

from pathlib import Path

import pytest
from fairseq_commands import LANGUAGES, PLUGIN, by_sentence, generate, run

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.generated import SIGNATURE

CONTROL = {"<mask>", "<pad>", "<s>", "</s>"}
SETTINGS = [
    ("--decoding-strategy", "easy_first", "--beam", 2),
    ("--decoding-strategy", "left_to_right", "--beam", 2),
    ("--decoding-iterations", 0),
    ("--original-decoding", "--decoding-iterations", 0),
    ("--original-decoding", "--decoding-strategy", "easy_first", "--beam", 2),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: " ".join(map(str, setting)))
def test_a_row_takes_a_pass_for_each_token_whatever_its_batch(
    data: Path, checkpoint: Path, setting: tuple[object, ...]
) -> None:
    options = (*setting, "--length-beam", 2, "--print-step")
    found = generate(data, checkpoint, *options, "--batch-size", 64)
    assert sorted(found["H"]) == list(range(17))
    for number, lines in found["P"].items():
        assert int(found["I"][number][0]) == len(lines[0].split())
    alone = generate(data, checkpoint, *options, "--batch-size", 1)
    assert [texts(found), found["I"]] == [texts(alone), alone["I"]]


SAMPLERS = [
    ("--decoding-strategy", "remdm_rescale", "--decoding-eta", 0.5, "--sampling-seed", 2),
    ("--decoding-strategy", "without_remasking", "--entropy-bound", 0.3, "--decoding-order", "entropy"),
    ("--sampling-temperature", 0.9, "--sampling-top-p", 0.9),
    ("--block-length", 3, "--decoding-iterations", 2, "--mask-schedule", "square"),
]


@pytest.mark.parametrize("setting", SAMPLERS, ids=lambda setting: " ".join(map(str, setting)))
def test_samplers_translate_a_sentence_as_alone_and_the_passes_are_summed_up(
    data: Path, checkpoint: Path, setting: tuple[object, ...]
) -> None:
    options = (*PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--num-workers", 0, "--print-step", *setting)
    printed = run("generate", data, *options, "--batch-size", 64)
    found, alone = by_sentence(printed), by_sentence(run("generate", data, *options, "--batch-size", 1))
    assert [texts(found), found["I"]] == [texts(alone), alone["I"]]
    passes = [int(lines[0]) for lines in found["I"].values()]
    tokens = sum(len(lines[0].split()) for lines in found["P"].values())
    mean = f"{sum(passes) / 17:.1f} passes a sentence, {tokens / sum(passes):.2f} tokens a pass"
    (summary,) = [line for line in printed.splitlines() if line.startswith("Translated ")]
    assert summary.endswith(f"; {mean}")
    # What the training has smoothed is known from the checkpoint.
    (signature,) = [line for line in printed.splitlines() if line.startswith(SIGNATURE)]
    assert ("|trained_smoothing:0.1|" in signature) == ("--entropy-bound" in setting)


def test_what_the_objective_has_not_trained_is_not_read(data: Path, checkpoint: Path) -> None:
    with pytest.raises(OptionError, match="--decoding-strategy edit predicts words that already stand, and the check"):
        generate(data, checkpoint, "--decoding-strategy", "edit")


def texts(found: dict[str, dict[int, list[str]]]) -> dict[int, str]:
    """Sentence -> its translation."""
    return {number: lines[0].split("\t")[1] for number, lines in found["H"].items()}


@pytest.mark.parametrize("strategy", ["easy_first", "left_to_right"])
def test_searches_write_words_and_the_end_symbol_at_the_end(data: Path, checkpoint: Path, strategy: str) -> None:
    options = ("--decoding-strategy", strategy, "--beam", 1, "--length-beam", 1, "--retain-iter-history")
    found = generate(data, checkpoint, *options)
    for number, text in texts(found).items():
        assert not CONTROL & set(text.split())
        length = len(found["P"][number][0].split())
        assert len(text.split()) == length - 1
        states = [state.split() for state in found["E"][number]]
        assert [state.count("<mask>") for state in states[::2]] == list(range(length, 0, -1))
        if strategy == "left_to_right":
            assert [state.index("<mask>") for state in states[::2]] == list(range(length))


def test_the_exact_mode_makes_every_pass(data: Path, checkpoint: Path) -> None:
    for options, all_passes in ((("--original-decoding",), True), ((), False)):
        found = generate(data, checkpoint, *options, "--decoding-iterations", 12, "--length-beam", 1, "--print-step")
        lengths = [len(lines[0].split()) for lines in found["P"].values()]
        steps = [int(lines[0]) for lines in found["I"].values()]
        assert min(lengths) < 12, "no sentence is short enough to tell"
        assert (steps == [12] * 17) == all_passes
