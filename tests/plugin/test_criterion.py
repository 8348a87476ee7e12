"""Loss and gradient of a batch are the sums over its parts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.logging import metrics
from fairseq_commands import load_task
from fake_gpu import FakeGpu

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.plugin import criterion
from fairseq_cmlm.plugin.criterion import CMLMLoss, CMLMLossConfig
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.plugin.model import CMLMConfig, CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMTask
from fairseq_cmlm.schedule import SCHEDULES
from fairseq_cmlm.sentence_random import sentence_keys
from fairseq_cmlm.training.options import Training

SIZES = {f"{side}_{part}": 16 for side in ("encoder", "decoder") for part in ("embed_dim", "ffn_embed_dim")}
LAYERS = {f"{side}_layers": 1 for side in ("encoder", "decoder")}


@pytest.fixture(scope="module")
def task(data: Path) -> TranslationCMLMTask:
    return load_task(data)


@pytest.fixture(scope="module")
def model(task: TranslationCMLMTask) -> CMLMModel:
    torch.manual_seed(1)
    cfg = CMLMConfig(dropout=0.0, max_source_positions=50, max_target_positions=50, **SIZES, **LAYERS)
    return CMLMModel.build_model(cfg, task)


def loss_and_gradients(
    task: TranslationCMLMTask, model: CMLMModel, sentences: range, **options: Any
) -> tuple[float, int, dict[str, torch.Tensor], dict[str, Any]]:
    sample = task.dataset("test").collater([task.dataset("test")[i] for i in sentences])
    sample["noise_keys"] = sentence_keys(1, 1, sample["id"])
    model.zero_grad()
    reduced = options.pop("training_dtype", "float32") == "bfloat16"
    loss, size, log = CMLMLoss(task, Training(**options), reduced)(model, sample)
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return float(loss), size, gradients, log


def test_a_batch_is_the_sum_of_its_parts(task: TranslationCMLMTask, model: CMLMModel) -> None:
    whole, size, gradients, log = loss_and_gradients(task, model, range(17))
    parts = [loss_and_gradients(task, model, part) for part in (range(5), range(5, 6), range(6, 17))]
    assert whole == pytest.approx(sum(part[0] for part in parts), rel=1e-5)
    assert size == sum(part[1] for part in parts)
    assert log["length_correct"] == sum(part[3]["length_correct"] for part in parts)
    for name, gradient in gradients.items():
        assert gradient.allclose(sum(part[2][name] for part in parts), rtol=1e-4, atol=1e-5), name


def test_every_parameter_learns(task: TranslationCMLMTask, model: CMLMModel) -> None:
    _, _, gradients, _ = loss_and_gradients(task, model, range(17))
    assert gradients.keys() == {name for name, _ in model.named_parameters()}


def test_the_length_has_its_weight(task: TranslationCMLMTask, model: CMLMModel) -> None:
    without, with_length, twice = (
        loss_and_gradients(task, model, range(17), length_loss_factor=factor) for factor in (0.0, 1.0, 2.0)
    )
    length = float(with_length[3]["length_loss"])
    assert with_length[0] - without[0] == pytest.approx(length, rel=1e-3)
    assert twice[0] - without[0] == pytest.approx(2 * length, rel=1e-3)


def test_smoothing_must_be_a_probability() -> None:
    with pytest.raises(ValueError, match="--label-smoothing 1"):
        Training(label_smoothing=1.0)


def test_spare_columns_change_nothing(
    task: TranslationCMLMTask, model: CMLMModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, size, gradients, log = loss_and_gradients(task, model, range(17))
    monkeypatch.setattr(criterion, "spare_columns", lambda number, device: 7)
    wider, wider_size, others, wider_log = loss_and_gradients(task, model, range(17))
    assert wider == pytest.approx(loss, rel=1e-6) and wider_size == size
    assert wider_log["length_correct"] == log["length_correct"] and wider_log["ntokens"] == log["ntokens"]
    for name, gradient in gradients.items():
        assert gradient.allclose(others[name], rtol=1e-4, atol=1e-5), name


def test_few_shapes_are_computed_in_lower_precision(
    task: TranslationCMLMTask, model: CMLMModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = set()
    linear = torch.nn.functional.linear

    def noted(x: torch.Tensor, *others: Any) -> torch.Tensor:
        shapes.add(len(x))
        return linear(x, *others)

    monkeypatch.setattr(torch.nn.functional, "linear", noted)
    for number in range(8, 18):
        loss_and_gradients(task, model, range(number), training_dtype="bfloat16")
    products = {rows for rows in shapes if rows > 17}  # others are of the length, a row for each sentence
    assert products and all(rows % (1 << (rows.bit_length() - 5)) == 0 for rows in products)


def test_bfloat16_is_close_to_float32(task: TranslationCMLMTask, model: CMLMModel) -> None:
    exact, size, expected, _ = loss_and_gradients(task, model, range(17))
    loss, reduced_size, gradients, _ = loss_and_gradients(task, model, range(17), training_dtype="bfloat16")
    assert loss != exact and loss == pytest.approx(exact, rel=1e-2) and reduced_size == size
    assert {gradient.dtype for gradient in gradients.values()} == {torch.float32}
    for name, gradient in gradients.items():
        error = float((gradient - expected[name]).norm() / expected[name].norm())
        assert error < 0.05, (name, error)


@pytest.mark.parametrize("other", ["fp16", "bf16", "amp"])
def test_two_kinds_of_lower_precision_are_refused(task: TranslationCMLMTask, other: str) -> None:
    others = {"objective": "cmlm", "mask_schedule": None, "fp16": False, "bf16": False, "amp": False, other: True}
    others["sentence_avg"] = False
    CMLMLoss.build_criterion(CMLMLossConfig(**others, training_dtype="float32"), task)
    with pytest.raises(OptionError, match="takes the place of fairseq's --fp16, --bf16 and --amp"):
        CMLMLoss.build_criterion(CMLMLossConfig(**others, training_dtype="bfloat16"), task)


def computed_in(task: TranslationCMLMTask, model: CMLMModel, reduced: bool, amp: bool) -> set[torch.dtype]:
    """What the linear layers compute in, with --training-dtype or within the autocast that fairseq's --amp opens."""
    sample = task.dataset("test").collater([task.dataset("test")[i] for i in range(5)])
    sample["noise_keys"] = sentence_keys(1, 1, sample["id"])
    seen: list[torch.dtype] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
        for module in model.modules()
        if isinstance(module, torch.nn.Linear)
    ]
    with torch.autocast("cpu", torch.bfloat16, enabled=amp):
        CMLMLoss(task, Training(), reduced)(model, sample)
    for hook in hooks:
        hook.remove()
    return set(seen)


@pytest.mark.parametrize(
    ("reduced", "amp", "dtype"),
    [(False, False, torch.float32), (True, False, torch.bfloat16), (False, True, torch.bfloat16)],
)
def test_layers_compute_in_the_precision_that_is_asked_for(
    task: TranslationCMLMTask, model: CMLMModel, reduced: bool, amp: bool, dtype: torch.dtype
) -> None:
    assert computed_in(task, model, reduced, amp) == {dtype}


def test_an_average_over_sentences_is_refused(task: TranslationCMLMTask) -> None:
    others = {"objective": "cmlm", "mask_schedule": None, "fp16": False, "bf16": False, "amp": False}
    with pytest.raises(OptionError, match="--sentence-avg is not for --criterion cmlm_loss"):
        CMLMLoss.build_criterion(CMLMLossConfig(**others, training_dtype="float32", sentence_avg=True), task)


def test_an_objective_is_told_the_schedule_and_how_far_its_ramp_is(task: TranslationCMLMTask) -> None:
    sample = task.dataset("test").collater([task.dataset("test")[i] for i in range(5)])
    sample["noise_keys"] = sentence_keys(1, 1, sample["id"])
    made = CMLMLoss(task, Training(objective="cmlmc", ramp_updates=10, mask_schedule="cosine"))
    half, whole = made._batch({**sample, "updates": 5}), made._batch(sample)
    assert (half.progress, whole.progress) == (0.5, 1.0), "a validation is of the end"
    assert half.example.schedule is SCHEDULES["cosine"]
    assert half.example.control == tuple(task.target_dictionary.control_symbols())


def test_each_dropout_has_its_option(task: TranslationCMLMTask) -> None:
    given = {"dropout": 0.1, "attention_dropout": 0.2, "activation_dropout": 0.3}
    cfg = CMLMConfig(max_source_positions=50, max_target_positions=50, **given, **SIZES, **LAYERS)
    found = {
        name: module.probability
        for name, module in CMLMModel.build_model(cfg, task).named_modules()
        if isinstance(module, Dropout)
    }
    attention = {name for name in found if name.endswith((".self_attention.dropout", ".source_attention.dropout"))}
    inner = {name for name in found if name.endswith(".ffn.dropout")}
    assert (len(attention), len(inner)) == (3, 2) and len(found) == 3 + 2 + 5 + 2
    assert {found[name] for name in attention} == {0.2} and {found[name] for name in inner} == {0.3}
    assert {found[name] for name in found.keys() - attention - inner} == {0.1}


def test_source_and_target_are_compared_in_one_dictionary_alone(
    task: TranslationCMLMTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    CMLMLoss(task, Training(noising="changed"))
    monkeypatch.setattr(task, "src_dict", MaskedDictionary())
    with pytest.raises(OptionError, match="which have different dictionaries: preprocess with --joined-dictionary, or"):
        CMLMLoss(task, Training(noising="changed"))


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_batches_without_a_masked_token_are_logged(task: TranslationCMLMTask, model: CMLMModel, share: float) -> None:
    """Where every sentence is written at once, as a batch of one with `glancing` often is."""
    logs = [
        loss_and_gradients(task, model, range(i, i + 1), objective="glancing", glancing_share=share)[3]
        for i in range(9)
    ]
    assert any(log["nmasked"] == 0 for log in logs)
    for log in logs:
        with metrics.aggregate(new_root=True) as logged:
            CMLMLoss.reduce_metrics([log])
            found = logged.get_smoothed_values()
        assert found["loss"] > 0 and ("ppl" in found) == (log["nmasked"] > 0)


def test_the_log_of_several_batches_is_fetched_at_once(task: TranslationCMLMTask, model: CMLMModel) -> None:
    logs = [loss_and_gradients(task, model, part)[3] for part in (range(5), range(5, 17))]
    expected = sum(float(log["length_loss"]) for log in logs) / 17 / math.log(2)
    with FakeGpu() as gpu:
        there = [
            {name: each.to("gpu") if torch.is_tensor(each) else each for name, each in log.items()} for log in logs
        ]
        gpu.waits.clear()
        with metrics.aggregate(new_root=True) as logged:
            CMLMLoss.reduce_metrics(there)
            found = logged.get_smoothed_values()
        assert dict(gpu.waits) == {("_totals", "_to_copy"): 1}
    assert found["length_loss"] == pytest.approx(expected, abs=1e-3)
