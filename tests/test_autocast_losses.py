"""fairseq's own losses with --training-dtype."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch
from fairseq import criterions, models, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.options import get_training_parser, parse_args_and_arch
from fairseq_commands import TEACHER, USER_DIR, run
from torch import nn

from fairseq_cmlm.errors import OptionError

NAT = (
    *("--user-dir", USER_DIR, "--task", "translation_lev", "--arch", "cmlm_transformer", "--noise", "random_mask"),
    *("--optimizer", "adam", "--apply-bert-init", "--encoder-learned-pos", "--decoder-learned-pos", "--lr", "1e-3"),
    *("--pred-length-offset", "--encoder-layers", "2", "--decoder-layers", "2", "--encoder-embed-dim", "32"),
    *("--decoder-embed-dim", "32", "--encoder-ffn-embed-dim", "64", "--decoder-ffn-embed-dim", "64", "--cpu"),
    *("--encoder-attention-heads", "2", "--decoder-attention-heads", "2", "--max-tokens", "512"),
)
# Our criterion, fairseq's, and the model that it is for.
PEERS = [
    ("autoregressive_loss", "label_smoothed_cross_entropy", TEACHER),
    ("fairseq_nat_loss", "nat_loss", NAT),
]


class Trained:
    """A model, one batch, and a criterion with the options given."""

    def __init__(self, data: Path, criterion: str, options: tuple[str, ...], *more: str) -> None:
        words = [str(data), *options, "--criterion", criterion, "--label-smoothing", "0.1", "--dropout", "0", *more]
        parsed: Namespace = parse_args_and_arch(get_training_parser(), words)
        cfg = convert_namespace_to_omegaconf(parsed)
        task: Any = tasks.setup_task(cfg.task)
        task.load_dataset("valid")
        self.batch = task.dataset("valid").collater([task.dataset("valid")[i] for i in range(4)])
        torch.manual_seed(1)
        self.model: Any = models.build_model(cfg.model, task)
        self.criterion: Any = criterions.build_criterion(cfg.criterion, task)
        if "nat" in criterion:
            self.batch["prev_target"] = task.inject_noise(self.batch["target"])

    def loss(self) -> torch.Tensor:
        """The loss, after its backward pass."""
        self.model.train()
        loss, sample_size, log = self.criterion(self.model, self.batch)
        (loss / sample_size).backward()
        assert log["sample_size"] == sample_size > 0
        return torch.as_tensor(loss.detach())

    def dtypes(self) -> Iterator[torch.dtype]:
        """What the linear layers compute in."""
        seen = []
        hooks = [
            module.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
            for module in self.model.modules()
            if isinstance(module, nn.Linear)
        ]
        self.criterion(self.model, self.batch)
        for hook in hooks:
            hook.remove()
        return iter(seen)


@pytest.mark.parametrize(("ours", "theirs", "options"), PEERS, ids=[peer[0] for peer in PEERS])
def test_the_loss_is_fairseqs_in_float32_and_near_it_in_bfloat16(
    data: Path, ours: str, theirs: str, options: tuple[str, ...]
) -> None:
    expected = Trained(data, theirs, options)
    exact = Trained(data, ours, options)
    reduced = Trained(data, ours, options, "--training-dtype", "bfloat16")
    if "prev_target" in expected.batch:
        exact.batch["prev_target"] = reduced.batch["prev_target"] = expected.batch["prev_target"]
    loss = expected.loss()
    assert torch.equal(exact.loss(), loss)
    found = reduced.loss()
    assert found.dtype == torch.float32
    assert 0 < abs(found - loss) < 0.01 * loss
    for name, parameter in reduced.model.named_parameters():
        theirs_of = dict(expected.model.named_parameters())[name]
        assert (parameter.grad is None) == (theirs_of.grad is None)
        if parameter.grad is not None and theirs_of.grad.norm() > 1e-4:
            assert parameter.grad.dtype == torch.float32
            assert (parameter.grad - theirs_of.grad).norm() < 0.1 * theirs_of.grad.norm(), name


@pytest.mark.parametrize(("ours", "_", "options"), PEERS, ids=[peer[0] for peer in PEERS])
def test_what_the_option_changes_is_what_layers_compute_in(
    data: Path, ours: str, _: str, options: tuple[str, ...]
) -> None:
    assert set(Trained(data, ours, options).dtypes()) == {torch.float32}
    assert set(Trained(data, ours, options, "--training-dtype", "bfloat16").dtypes()) == {torch.bfloat16}


def test_another_precision_beside_it_is_refused(data: Path) -> None:
    with pytest.raises(OptionError, match="takes the place of fairseq's --fp16, --bf16 and --amp"):
        Trained(data, "autoregressive_loss", TEACHER, "--training-dtype", "bfloat16", "--bf16")


def test_fairseq_trains_a_teacher_in_bfloat16(data: Path, tmp_path: Path) -> None:
    words = [*TEACHER, "--max-update", "3", "--save-dir", tmp_path, "--training-dtype", "bfloat16"]
    log = run("train", data, *words, "--criterion", "autoregressive_loss")
    assert "num_updates 3" in log and "'training_dtype': bfloat16" in log
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=False)["model"]
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
