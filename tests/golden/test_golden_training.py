"""Loss, gradients and six updates of the released implementation, by our criterion under fairseq's Trainer.

The masks are those of train_batch.npz; what --noising uniform_original draws is for tests/training/test_noising.py.
pytest -v prints the differences.
"""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from converted import CHECKPOINTS, PAD, Converted
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.trainer import Trainer
from fairseq_commands import PLUGIN
from torch import Tensor

from fairseq_cmlm.conversion.parameters import convert_parameters
from fairseq_cmlm.conversion.safe_reading import read_original
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.plugin.criterion import CMLMLoss
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.training.batch_loss import masked_token_losses
from fairseq_cmlm.training.noising import View
from fairseq_cmlm.training.objectives import Objective
from fairseq_cmlm.training.options import Training as TrainingOptions

NAMES = ["trained", "wild"]
# Relative differences that float32 makes. A norm that torch sums in float32 is 1e-4 below the exact one.
LOSS, TENSOR, NORM = 1e-5, 1e-4, 3e-4


class FixedMasks(CMLMLoss):
    """CMLMLoss with the canvas that the batch brings along."""

    def __init__(self, model: Converted, label_smoothing: float) -> None:
        super().__init__(model.task, TrainingOptions(noising="uniform_original", label_smoothing=label_smoothing))

    def forward(self, model: Any, sample: dict[str, Any], reduce: bool = True) -> Any:
        """As CMLMLoss, on sample["canvas"]."""
        view = View(sample["canvas"], sample["canvas"] == self.mask)
        self.objective = Objective(lambda network, batch, options: masked_token_losses(network, batch, options, [view]))
        return super().forward(model, sample, reduce)


@cache
def load(golden: Path, name: str) -> dict[str, Any]:
    """The numbers of a checkpoint."""
    numbers: dict[str, Any] = json.loads((golden / f"train_{name}.json").read_text())
    return numbers


def batch(golden: Path, model: Converted, sentences: slice = slice(None)) -> dict[str, Any]:
    """Sentences of the fixed batch, in the form that fairseq hands to a criterion."""
    arrays = np.load(golden / "train_batch.npz")
    canvas, masked, source = (
        model.ours(arrays[key])[sentences] for key in ("prev_output_tokens", "target", "src_tokens")
    )
    target = torch.where(masked != PAD, masked, canvas)
    return {
        "id": torch.arange(len(source)),
        "nsentences": len(source),
        "ntokens": int((target != PAD).sum()),
        "net_input": {"src_tokens": source},
        "target": target,
        "canvas": canvas,
        "noise_keys": torch.zeros(len(source), dtype=torch.long),
    }


def losses(model: Converted, network: CMLMModel, sample: dict[str, Any], smoothing: float = 0.1) -> dict[str, float]:
    """The sums that our criterion logs for one batch."""
    with torch.no_grad():
        log = FixedMasks(model, smoothing)(network.eval(), sample)[2]
    return {key: float(value) for key, value in log.items()}


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two lists of numbers, relative to the golden one."""
    ours, theirs = np.atleast_1d(ours).astype(np.float64), np.atleast_1d(theirs).astype(np.float64)
    assert ours.shape == theirs.shape
    return float((abs(ours - theirs) / abs(theirs)).max())


@pytest.mark.parametrize("name", NAMES)
def test_losses(
    golden: Path, converted: Callable[[str], Converted], name: str, measured: Callable[[str], None]
) -> None:
    expected, model = load(golden, name), converted(name)
    worst = 0.0
    for smoothing in (0.1, 0.0):
        theirs = expected[f"eval_eps{smoothing:.1g}"]
        ours = losses(model, model.model, batch(golden, model), smoothing)
        assert (ours["nmasked"], ours["nsentences"]) == (theirs["ntokens"], theirs["nsentences"])
        assert ours["sample_size"] == theirs["sample_size"]
        worst = max(worst, *(difference(ours[key], theirs[key]) for key in ("loss", "nll_loss", "length_loss")))
    alone = [losses(model, model.model, batch(golden, model, slice(i, i + 1))) for i in range(len(expected["ids"]))]
    assert [one["nmasked"] for one in alone] == expected["per_sentence_masked"]
    for key, kind in (("nll_loss", "nll"), ("length_loss", "length_nll")):
        worst = max(worst, difference([one[key] for one in alone], expected[f"per_sentence_{kind}"]))
    assert worst < LOSS
    measured(f"{name}: losses of the batch and of its {len(alone)} sentences within {worst:.1e}")


def build_trainer(model: Converted, recipe: dict[str, Any]) -> Trainer:
    """The Trainer of fairseq, with optimizer and learning rate as `recipe` has them, for a copy of the model."""
    arguments = [model.folder, *PLUGIN, "--arch", "cmlm_base", "--criterion", "cmlm_loss", "--cpu"]
    arguments += ["--optimizer", "adam", "--adam-betas", str(tuple(recipe["betas"])), "--adam-eps", recipe["eps"]]
    arguments += ["--weight-decay", recipe["weight_decay"], "--clip-norm", recipe["clip_norm"], "--lr", recipe["lr"]]
    arguments += ["--lr-scheduler", "inverse_sqrt", "--warmup-updates", recipe["warmup_updates"]]
    arguments += ["--warmup-init-lr", recipe["warmup_init_lr"]]
    parsed = options.parse_args_and_arch(options.get_training_parser(), [str(argument) for argument in arguments])
    network = copy.deepcopy(model.model)
    for module in network.modules():
        if isinstance(module, Dropout):
            module.probability = recipe["dropout"]
    criterion = FixedMasks(model, recipe["label_smoothing"])
    return Trainer(convert_namespace_to_omegaconf(parsed), model.task, network, criterion)


@dataclass(frozen=True)
class Training:
    """Six updates of a checkpoint: what each used and logged, the first gradients, the last network."""

    converted: Converted
    expected: dict[str, Any]
    rates: list[float]
    log: dict[str, list[float]]
    gradients: dict[str, Tensor]
    network: CMLMModel

    def released(self, golden: Path, name: str) -> dict[str, Tensor]:
        """The parameters of the released code's checkpoint, tied ones once, in its order."""
        model = read_original(golden / CHECKPOINTS[name])["model"]
        return {key: model[key] for key in self.expected["named_parameters_order"]}


@pytest.fixture(scope="module")
def trained(golden: Path, converted: Callable[[str], Converted]) -> Callable[[str], Training]:
    """Six updates of the checkpoint of a name, made once."""
    return cache(lambda name: train(golden, name, converted(name)))


def train(golden: Path, name: str, model: Converted) -> Training:
    """Train a copy of `model` on the fixed batch as train_NAME.json says."""
    expected = load(golden, name)
    trainer, sample = build_trainer(model, expected["updates_config"]), batch(golden, model)
    rates, gradients = [], {}
    log: dict[str, list[float]] = {"gnorm": [], "loss": [], "nll_loss": [], "length_loss": []}
    for _ in expected["updates"]:
        rates.append(trainer.get_lr())
        with metrics.aggregate() as logged:
            trainer.train_step([sample])
        for key, values in log.items():
            values.append(float(logged[key].avg))
        gradients = gradients or {key: value.grad.clone() for key, value in trainer.model.named_parameters()}
    return Training(model, expected, rates, log, gradients, trainer.model)


def with_shared(released: dict[str, Tensor]) -> dict[str, Tensor]:
    """Released parameters, of which tied ones stand once, with the table of the decoder as well."""
    return {**released, "decoder.embed_tokens.weight": released["encoder.embed_tokens.weight"]}


def released_norms(tensors: dict[str, Tensor], released: dict[str, Tensor], positions: int) -> dict[str, float]:
    """The norm of each released parameter, from our `tensors`: its elements are found by converting its number."""
    numbers = {name: torch.full_like(value, number) for number, (name, value) in enumerate(released.items())}
    places = convert_parameters(with_shared(numbers), positions)
    squares = dict.fromkeys(released, 0.0)
    for name, tensor in tensors.items():
        for number, theirs in enumerate(released):
            squares[theirs] += float(tensor[places[name] == number].double().square().sum())
    return {name: math.sqrt(square) for name, square in squares.items()}


def tensor_difference(ours: dict[str, Tensor], golden: Path, model: Converted, file: str) -> float:
    """The largest difference of our parameters from those in a file of `golden`, relative to each tensor's norm."""
    released = {name: torch.tensor(value) for name, value in np.load(golden / file).items()}
    theirs = convert_parameters(with_shared(released), model.model.max_positions()[1])
    assert ours.keys() <= theirs.keys()
    return max(float((ours[name] - theirs[name]).norm() / theirs[name].norm()) for name in ours)


def dropped_rows(released: dict[str, Tensor], rates: list[float], decay: float) -> dict[str, float]:
    """The squared norms of the rows of position tables that we leave out: they only decayed."""
    shrunk = math.prod(1 - rate * decay for rate in rates)
    tables = {name: value for name, value in released.items() if name.endswith("embed_positions.weight")}
    kept = {name: slice(2, None if name.startswith("encoder") else -1) for name in tables}
    return {
        name: float(shrunk**2 * (table.double().square().sum() - table[kept[name]].double().square().sum()))
        for name, table in tables.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_updates(golden: Path, trained: Callable[[str], Training], name: str, measured: Callable[[str], None]) -> None:
    run = trained(name)
    updates = run.expected["updates"]
    assert run.rates == pytest.approx([update["lr_used"] for update in updates])
    theirs = {"gnorm": "gnorm", "loss": "loss_per_token_base2"}
    theirs.update((key, f"{key}_base2") for key in ("nll_loss", "length_loss"))
    worst = {key: difference(run.log[key], [update[theirs[key]] for update in updates]) for key in run.log}
    assert worst.pop("gnorm") < NORM and max(worst.values()) < TENSOR
    sample = batch(golden, run.converted)
    after, golden_after = losses(run.converted, run.network, sample), run.expected["eval_after_6_updates"]
    last = max(difference(after[key], golden_after[key]) for key in worst)
    assert last < TENSOR
    measured(f"{name}: learning rates of 6 updates; losses within {max(worst.values()):.1e}, after them {last:.1e}")


@pytest.mark.parametrize("name", NAMES)
def test_norms_of_gradients_and_parameters(
    golden: Path, trained: Callable[[str], Training], name: str, measured: Callable[[str], None]
) -> None:
    run = trained(name)
    released, positions = run.released(golden, name), run.converted.model.max_positions()[1]
    gradients = released_norms(run.gradients, released, positions)
    parameters = released_norms(dict(run.network.named_parameters()), released, positions)
    for key, square in dropped_rows(released, run.rates, run.expected["updates_config"]["weight_decay"]).items():
        parameters[key] = math.sqrt(parameters[key] ** 2 + square)
    for what, ours, key in (
        ("gradients", gradients, "grad_norm_per_param"),
        ("parameters after 6 updates", parameters, "param_norm_after_6_updates"),
    ):
        theirs = run.expected[key]
        assert ours.keys() == theirs.keys()
        worst = difference(list(ours.values()), [theirs[parameter] for parameter in ours])
        assert worst < TENSOR, what
        measured(f"{name}: norms of {len(ours)} {what} within {worst:.1e}")


@pytest.mark.parametrize(
    ("what", "file"), [("gradients", "train_grads_wild.npz"), ("parameters", "train_params_after6_wild.npz")]
)
def test_gradients_and_parameters(
    golden: Path, trained: Callable[[str], Training], what: str, file: str, measured: Callable[[str], None]
) -> None:
    run = trained("wild")
    ours = run.gradients if what == "gradients" else dict(run.network.named_parameters())
    worst = tensor_difference(ours, golden, run.converted, file)
    assert worst < TENSOR
    after = "" if what == "gradients" else " after 6 updates"
    measured(f"wild: {len(ours)} {what}{after} within {worst:.1e} of their norms")
