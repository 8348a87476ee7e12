"""Decoding from the released implementation's checkpoints: every canvas, length, score and hypothesis of its own.

pytest -v prints how much each setting compared, and the largest difference of a score.
"""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from converted import CHECKPOINTS, PAD, Converted
from fairseq_commands import generate, run

from fairseq_cmlm.decoding.lengths import length_log_probs

SCORE = 1e-4  # natural log, per token
MASK_PREDICT = ("T1_lb1", "T1_lb5", "T4_lb1", "T4_lb5", "T10_lb1", "T10_lb5", "T4_lb3_gold")
SEARCHES = tuple(
    f"{order}_beam{beam}_lb{lengths}"
    for order in ("easy_first", "left_to_right")
    for beam in (1, 3)
    for lengths in (1, 2)
)
# The rest is marked slow: it takes another 2 minutes.
QUICK = {
    *(("wild", setting) for setting in (*MASK_PREDICT, "easy_first_beam3_lb2", "left_to_right_beam3_lb2")),
    *(("trained", setting) for setting in ("T1_lb5", "T4_lb5", "T4_lb3_gold", "easy_first_beam3_lb1")),
    *(("rand", setting) for setting in ("T4_lb1", "easy_first_beam1_lb1", "left_to_right_beam3_lb1")),
}
# (checkpoint, setting, sentence, candidate): after pass 3 the first position kept is by 1.1e-6 of its probability surer
# than the last one masked. That is the error of float32, and in it the order turns; in float64 it is the golden one.
NEAR_TIES = {("wild", "T4_lb1", 13, 0), ("wild", "T4_lb5", 13, 0)}


def settings(names: tuple[str, ...]) -> list[Any]:
    """Every checkpoint with every setting of `names`, as the parameters of a test."""
    return [
        pytest.param(name, setting, marks=() if (name, setting) in QUICK else pytest.mark.slow)
        for name in CHECKPOINTS
        for setting in names
    ]


@cache
def load(golden: Path, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The decoded sentences (json) and the arrays (npz) of a checkpoint."""
    return json.loads((golden / f"decode_{name}.json").read_text()), dict(np.load(golden / f"decode_{name}.npz"))


def decode(model: Converted, golden: dict[str, Any], setting: str, numbers: list[int]) -> list[list[dict[str, Any]]]:
    """The hypotheses of the sentences `numbers` (their places in the file) in batches of 16, as they were decoded."""
    options: dict[str, object] = {"length_beam": int(re.findall(r"_lb(\d+)", setting)[0])}
    if setting.startswith("T"):
        options.update(decoding_iterations=int(setting[1:].split("_")[0]), gold_target_length="gold" in setting)
    else:
        options.update(decoding_strategy=setting.split("_beam")[0], beam=int(re.findall(r"beam(\d+)", setting)[0]))
    found = []
    for first in range(0, len(numbers), 16):
        batch = [golden["sentences"][number] for number in numbers[first : first + 16]]
        sides = ([sentence[side] for sentence in batch] for side in ("src_ids", "tgt_ids"))
        found += model.decode(*sides, retain_iter_history=True, **options)
    return found


def candidates(hypotheses: list[dict[str, Any]], expected: dict[str, Any]) -> list[dict[str, Any]]:
    """The hypotheses of a sentence in the order of its candidates, after a check that they stand best first."""
    scores = np.array(expected["lprob_sum"]) / np.array(expected["lengths"])
    order = np.argsort(-scores, kind="stable")
    assert [hypothesis["length"] for hypothesis in hypotheses] == [expected["lengths"][k] for k in order]
    assert order[0] == expected.get("best", order[0])
    return [hypotheses[i] for i in np.argsort(order)]


def compare_canvases(
    model: Converted, hypothesis: dict[str, Any], arrays: dict[str, np.ndarray], setting: str, place: tuple[int, int]
) -> int:
    """Compare what every pass read and what stood there after it; returns the number of canvases."""
    history, length = hypothesis["history"], hypothesis["length"]
    assert arrays[f"{setting}/lens"][place] == length
    for states, name in ((history[::2], "decoder_in"), (history[1::2], "tokens_after")):
        golden = model.ours(arrays[f"{setting}/{name}"][place])
        assert (golden[:, length:] == PAD).all()
        assert torch.stack([state["tokens"] for state in states]).equal(golden[:, :length]), (setting, name, place)
    return len(history)


@pytest.mark.parametrize(("name", "setting"), settings(MASK_PREDICT))
def test_mask_predict(
    golden: Path, converted: Callable[[str], Converted], name: str, setting: str, measured: Callable[[str], None]
) -> None:
    expected, arrays = load(golden, name)
    model = converted(name)
    found = decode(model, expected, setting, list(range(len(expected["sentences"]))))
    canvases, worst = 0, 0.0
    for i, (hypotheses, one) in enumerate(zip(found, expected["mask_predict"][setting])):
        assert hypotheses[0]["tokens"].equal(model.ours(one["hyp_ids"]))
        for k, candidate in enumerate(candidates(hypotheses, one)):
            if (name, setting, i, k) in NEAR_TIES:
                continue
            canvases += compare_canvases(model, candidate, arrays, setting, (i, k))
            worst = max(worst, abs(candidate["score"] - one["lprob_avg"][k]))
    assert worst < SCORE
    measured(f"{name} {setting}: {len(found)} hypotheses, {canvases} canvases, scores within {worst:.1e}")


@pytest.mark.parametrize(("name", "setting"), settings(SEARCHES))
def test_token_search(
    golden: Path, converted: Callable[[str], Converted], name: str, setting: str, measured: Callable[[str], None]
) -> None:
    expected, _ = load(golden, name)
    model = converted(name)
    strategy, beams = setting.split("_beam")
    ones = expected[strategy][f"beam{beams}"]
    numbers = [expected["ids_in_order"].index(one["id"]) for one in ones]
    found = decode(model, expected, setting, numbers)
    worst = 0.0
    for hypotheses, one in zip(found, ones):
        assert hypotheses[0]["tokens"].equal(model.ours(one["hyp_ids"]))
        for candidate, score, length in zip(candidates(hypotheses, one), one["lprob_sum"], one["lengths"]):
            worst = max(worst, abs(candidate["score"] - score / length))
    assert worst < SCORE
    measured(f"{name} {setting}: {len(found)} hypotheses, scores within {worst:.1e}")


@pytest.mark.parametrize(("name", "setting", "sentence", "candidate"), sorted(NEAR_TIES))
def test_near_ties_are_the_error_of_float32(
    golden: Path,
    converted: Callable[[str], Converted],
    name: str,
    setting: str,
    sentence: int,
    candidate: int,
    measured: Callable[[str], None],
) -> None:
    expected, arrays = load(golden, name)
    place, after = (sentence, candidate), 2
    length, count = arrays[f"{setting}/lens"][place], arrays[f"{setting}/num_mask"][place][after]
    sure = np.sort(arrays[f"{setting}/probs_before_mask"][place][after][:length].astype(np.float64))
    assert 0 < 1 - sure[count - 1] / sure[count] < 2e-6, "no near tie: it must be compared"
    single = converted(name)
    double = Converted(single.folder, single.task, copy.deepcopy(single.model).double())
    one = expected["mask_predict"][setting][sentence]
    hypothesis = candidates(decode(double, expected, setting, [sentence])[0], one)[candidate]
    canvases = compare_canvases(double, hypothesis, arrays, setting, place)
    assert hypothesis["score"] == pytest.approx(one["lprob_avg"][candidate], abs=SCORE)
    measured(f"{name} {setting}, sentence {sentence}, in float64: {canvases} canvases")


def test_all_settings_of_the_files_are_compared(golden: Path) -> None:
    for name in CHECKPOINTS:
        expected, arrays = load(golden, name)
        assert tuple(expected["mask_predict"]) == MASK_PREDICT
        assert {key.split("/")[0] for key in arrays if "/" in key} == set(MASK_PREDICT)
        searches = (f"{order}_{beams}" for order in ("easy_first", "left_to_right") for beams in expected[order])
        assert tuple(searches) == SEARCHES


@pytest.mark.parametrize("name", sorted(CHECKPOINTS))
def test_length_probabilities(
    golden: Path, converted: Callable[[str], Converted], name: str, measured: Callable[[str], None]
) -> None:
    expected, arrays = load(golden, name)
    model = converted(name)
    source = model.batch([sentence["src_ids"] for sentence in expected["sentences"]])
    with torch.no_grad():
        found = length_log_probs(model.model.encoder(source).length_logits)
    assert (found[:, 0] == -np.inf).all()
    difference = (found[:, 1:] - torch.tensor(arrays["length_logprobs"][:, 1:])).abs().max()
    assert difference < SCORE
    measured(f"{name}: log-probabilities of the lengths of {len(found)} sentences within {difference:.1e}")


@pytest.mark.parametrize("name", ["trained", "wild"])
def test_forward(
    golden: Path, converted: Callable[[str], Converted], name: str, measured: Callable[[str], None]
) -> None:
    arrays = dict(np.load(golden / f"forward_{name}.npz"))
    model = converted(name)
    source = model.ours(arrays["src_tokens"])
    with torch.no_grad():
        encoded = model.model.encoder(source)
        memory = model.model.decoder.memory(encoded)
        real = source != PAD
        assert real.equal(~torch.tensor(arrays["encoder_padding_mask"]))
        found = {"encoder output": (encoded.states[real], torch.tensor(arrays["encoder_out"])[real])}
        for half in ("full", "half"):
            canvas = model.ours(arrays[f"dec_in_{half}"])
            logits = torch.tensor(arrays[f"dec_logits_{half}"]).flatten(0, 1)
            positions = (canvas != PAD).flatten().nonzero().squeeze(1)
            ours = model.model.decoder(canvas, memory, positions)
            found[f"logits, {half} mask"] = (ours[:, model.ours(torch.arange(logits.size(1)))], logits[positions])
    for what, (ours, theirs) in found.items():
        relative = float((ours - theirs).norm() / theirs.norm())
        assert relative < 1e-5, what
        measured(f"{name}: {what} {tuple(theirs.shape)} within {relative:.1e} of its norm")


@pytest.fixture(scope="session")
def binarised(golden: Path, converted: Callable[[str], Converted], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentences of decode_trained.json, in their order, as fairseq-preprocess leaves them."""
    folder = tmp_path_factory.mktemp("golden_text")
    sentences = load(golden, "trained")[0]["sentences"]
    for side, language in (("src_bpe", "en"), ("tgt_bpe", "de")):
        text = "".join(sentence[side] + "\n" for sentence in sentences)
        (folder / f"test.{language}").write_text(text, encoding="utf-8")
    dictionaries = converted("trained").folder
    run(
        *("preprocess", "-s", "en", "-t", "de", "--testpref", folder / "test", "--destdir", folder / "data"),
        *("--srcdict", dictionaries / "dict.en.txt", "--tgtdict", dictionaries / "dict.de.txt"),
    )
    return folder / "data"


GENERATED = [(1, 1), (1, 5), (4, 1), (4, 5), *(pytest.param(10, k, marks=pytest.mark.slow) for k in (1, 5))]


@pytest.mark.parametrize(("iterations", "lengths"), GENERATED)
def test_fairseq_generate(
    golden: Path,
    converted: Callable[[str], Converted],
    binarised: Path,
    iterations: int,
    lengths: int,
    measured: Callable[[str], None],
) -> None:
    decoding = ("--original-decoding", "--decoding-iterations", iterations, "--length-beam", lengths)
    checkpoint = converted("trained").folder / "model.pt"
    options = ("-s", "en", "-t", "de", "--batch-size", 16, "--post-process", "subword_nmt")
    found = generate(binarised, checkpoint, *options, *decoding)["H"]
    expected = load(golden, "trained")[0]["mask_predict"][f"T{iterations}_lb{lengths}"]
    assert {number: lines[0].split("\t")[1] for number, lines in found.items()} == {
        number: one["hyp"] for number, one in enumerate(expected)
    }
    measured(f"fairseq-generate, trained, T={iterations}, l={lengths}: {len(found)} hypotheses")
