from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import data_utils
from fairseq.data.encoders.subword_nmt_bpe import SubwordNMTBPE, SubwordNMTBPEConfig
from fairseq.data.iterators import EpochBatchIterator
from fairseq.dataclass.configs import EMAConfig
from fairseq.models.ema.ema import EMA
from fairseq.modules import FairseqDropout
from fairseq.optim.adam import Adam, FairseqAdam, FairseqAdamConfig
from fairseq.optim.amp_optimizer import AMPOptimizer
from fairseq.trainer import Trainer
from fairseq_commands import LANGUAGES, PLUGIN, load_task
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.plugin import repairs
from fairseq_cmlm.plugin.model import CMLMConfig, CMLMModel
from fairseq_cmlm.plugin.training_repairs import leave_out_dummy_batches
from fairseq_cmlm.training.fused_adam import FusedAdam


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 20), max_size=40), st.integers(20, 60), st.integers(1, 10), st.sampled_from([1, 2, 8]))
def test_every_sentence_is_in_one_batch(sizes: list[int], tokens: int, sentences: int, multiple: int) -> None:
    order = np.argsort(np.array(sizes, dtype=np.int64), kind="stable")
    batches = data_utils.batch_by_size(
        order,
        None,
        np.array(sizes, dtype=np.int64),
        max_tokens=tokens,
        max_sentences=sentences,
        required_batch_size_multiple=multiple,
    )
    assert [index for batch in batches for index in batch] == order.tolist()
    assert all(len(batch) for batch in batches)


def test_types_of_fairseqs_own_checkpoints_load() -> None:
    state = {"args": Namespace(a=1), "best": np.float64(3.5), "array": np.arange(3), "number": np.int64(1)}
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert loaded["args"] == Namespace(a=1) and loaded["best"] == 3.5 and loaded["array"].tolist() == [0, 1, 2]


class Foreign:
    """What a hostile checkpoint might hold."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("foreign code ran",))


def test_foreign_code_is_named_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "foreign.pt"
    torch.save({"model": Foreign()}, path)
    with pytest.raises(CheckpointError, match=r"foreign\.pt needs the foreign code .*print"):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert capsys.readouterr().out == ""


def test_a_missing_checkpoint_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "none.pt"))


@pytest.mark.parametrize("size", [1, 2, 100])
def test_lines_are_read_as_fairseq_reads_them(tmp_path: Path, size: int) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"a b \r\n\n c\x0bd\nlast\t\n")
    assert [line for lines in repairs.buffered_read(str(path), size) for line in lines] == [
        "a b",
        "",
        "c\x0bd",
        "last\t",
    ]
    path.write_bytes(b"a\n\xe4\n")
    with pytest.raises(TextError, match=r"line 2 of .*text is not UTF-8"):
        list(repairs.buffered_read(str(path), size))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a\nb\rc\n", "line 2 of .*text has a carriage return"), (b"\xef\xbb\xbfa\n", "begins with a byte order mark")],
)
def test_lines_that_others_would_read_differently_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(TextError, match=message):
        list(repairs.buffered_read(str(tmp_path / "text"), 1))


@pytest.mark.parametrize("space", list("\t\n\x0b\x0c\x1c\x85\xa0\u2003\u2028\u2029\u3000"))
def test_white_space_is_no_letter_for_subword_nmt(tmp_path: Path, space: str) -> None:
    (tmp_path / "codes").write_text("#version: 0.2\nt h\nth e</w>\n")
    bpe = SubwordNMTBPE(SubwordNMTBPEConfig(bpe_codes=str(tmp_path / "codes")))
    assert bpe.encode(f"{space}the{space}the {space}the{space}") == "the the the"


@pytest.mark.parametrize(("half", "float32"), [(False, False), (False, True), (True, True)])
def test_the_moving_average_moves_every_table_alike(data: Path, half: bool, float32: bool) -> None:
    sizes = {f"{side}_{name}": 16 for side in ("encoder", "decoder") for name in ("embed_dim", "ffn_embed_dim")}
    positions = {"max_source_positions": 20, "max_target_positions": 20}
    model = CMLMModel.build_model(CMLMConfig(share_all_embeddings=True, **sizes, **positions), load_task(data))
    model = model.half() if half else model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        ema = EMA(model, EMAConfig(store_ema=True, ema_decay=0.5, ema_fp32=float32))
        for parameter in model.parameters():
            parameter.fill_(1.0)
    ema.step(model)
    averages = {**ema.model.state_dict(), **ema.fp32_params}
    assert len(averages) > 60
    wrong = [name for name, value in averages.items() if "version" not in name and not value.eq(0.5).all()]
    assert not wrong


def raise_text_error(rank: int) -> None:
    raise TextError(f"line {rank + 3} of text is wrong")


def ended_by(error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What fairseq-train prints when it ends with `error`."""
    monkeypatch.setattr(sys, "argv", ["/bin/fairseq-train"])
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    repairs.end_with_the_message()
    sys.excepthook(type(error), error, error.__traceback__)
    return capsys.readouterr().err


def test_an_error_that_a_user_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(error: BaseException) -> str:
        return ended_by(error, monkeypatch, capsys)

    assert printed(OptionError("--a 1 is wrong")) == "fairseq-train: error: --a 1 is wrong\n"
    diverged = printed(FloatingPointError("gradients are Nan/Inf"))
    assert diverged.startswith("fairseq-train: error: the training diverged (gradients are Nan/Inf): lower --lr")
    assert "Traceback" in printed(_raised(ValueError("a fault of ours")))
    with pytest.raises(torch.multiprocessing.ProcessRaisedException) as caught:
        torch.multiprocessing.spawn(raise_text_error, nprocs=1)
    assert printed(caught.value) == "fairseq-train: error: line 3 of text is wrong\n"


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


def test_a_reader_that_has_seen_enough_is_no_error(data: Path, checkpoint: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [Path(sys.executable).parent / "fairseq-generate", data, *PLUGIN, *LANGUAGES, "--path", checkpoint]
    done = subprocess.run([*map(str, command), "--cpu"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("training", "always", "share"), [(True, False, 0.25), (False, True, 0.25), (False, False, 0.0)]
)
def test_fairseqs_dropout_draws_cheap_masks(
    training: bool, always: bool, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.functional, "dropout", None)  # torch's is not asked
    module = FairseqDropout(0.25).train(training)
    module.apply_during_inference = always
    if share:
        found = module(torch.ones(100, 100))
        assert float((found == 0).float().mean()) == pytest.approx(share, abs=0.02)
        assert float(found.max()) == pytest.approx(4 / 3)
    else:
        assert module(torch.ones(3)).tolist() == [1, 1, 1]


def test_several_training_texts_in_one_folder(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    for file in folder.glob("train.*"):
        shutil.copy(file, file.with_name(file.name.replace("train", "train1", 1)))
    once, twice = load_task(data), load_task(folder)
    for task in (once, twice):
        task.load_dataset("train", combine=True)
    number = len(once.datasets["train"])
    assert len(twice.datasets["train"]) == 2 * number
    assert twice.datasets["train"][number]["target"].equal(once.datasets["train"][0]["target"])


def adam(parameters: list[torch.nn.Parameter], **options: object) -> FairseqAdam:
    return FairseqAdam(
        FairseqAdamConfig(**{"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "lr": [0.1], **options}), parameters
    )


def test_dummy_batches_behind_real_ones_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(Trainer, "train_step", lambda self, samples, raise_oom=False: given.append(samples))
    leave_out_dummy_batches()
    one, two = {"id": 1}, {"id": 2}
    for backend, samples, read in (
        ("legacy_ddp", [one, two, {}], [one, two]),
        ("c10d", [one, None, two], [one, two]),
        ("c10d", [{}, None], [{}, None]),  # a process that has no batch left takes part with a dummy
        ("fully_sharded", [one, {}], [one, {}]),
    ):
        trainer: Any = SimpleNamespace(cfg=SimpleNamespace(distributed_training=SimpleNamespace(ddp_backend=backend)))
        Trainer.train_step(trainer, samples)
        assert given.pop() == read


def test_amp_unscales_gradients_once() -> None:
    """The first update with gradients below --adam-eps times the scale, with torch's scaler of a CPU."""
    gradient = torch.tensor([1e-3, 2e-3, 1e-5])
    found, expected = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    scaled = object.__new__(AMPOptimizer)  # its __init__ asks for a scaler of CUDA
    scaled.fp32_optimizer, scaled.min_loss_scale = adam([found]), 1e-4
    scaled._grad_scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
    scaled.backward((found * gradient).sum())
    assert scaled.clip_grad_norm(0).allclose(gradient.norm())
    scaled.step()
    assert found.grad.equal(gradient)
    plain = adam([expected])
    expected.grad = gradient.clone()
    plain.step()
    assert found.equal(expected)


def test_amp_leaves_an_update_with_infinite_gradients_out() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    scaled = object.__new__(AMPOptimizer)
    scaled.fp32_optimizer, scaled.min_loss_scale = adam([parameter]), 1e-4
    scaled._grad_scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
    scaled.backward((parameter * torch.inf).sum())
    scaled.clip_grad_norm(0)
    scaled.step()
    assert parameter.equal(torch.ones(3)) and scaled.scaler.get_scale() == 64.0
    assert not scaled.optimizer.state_dict()["state"]


@pytest.mark.parametrize(
    ("kind", "dtype", "options"),
    [
        (FusedAdam, torch.float32, {}),
        (Adam, torch.float32, {"use_old_adam": True}),
        (Adam, torch.bfloat16, {}),  # as with --memory-efficient-fp16
    ],
)
def test_adam_is_fused_where_it_can_be(kind: type, dtype: torch.dtype, options: dict[str, bool]) -> None:
    made = adam([torch.nn.Parameter(torch.ones(3, dtype=dtype))], **options)
    assert type(made.optimizer) is kind and made.supports_flat_params
    assert made.param_groups[0]["betas"] == (0.9, 0.98) and made.get_lr() == 0.1


def epoch_of(batches: int, shards: int) -> list[EpochBatchIterator]:
    """The iterators of all processes over a text with one sentence a batch."""
    sentences: Any = torch.utils.data.TensorDataset(torch.arange(batches))
    alone = [[i] for i in range(batches)]
    return [EpochBatchIterator(sentences, list, alone, num_shards=shards, shard_id=i) for i in range(shards)]


def read(iterators: list[EpochBatchIterator], number: int) -> list[int]:
    """The sentences of the next `number` batches of each process, in the order of the epoch."""
    now = [one._cur_epoch_itr or one.next_epoch_itr() for one in iterators]
    rows = [[next(one) for one in now if one.has_next()] for _ in range(number)]
    return [int(sentence) for row in rows for batch in row for (sentence,) in batch]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 5), st.integers(1, 8))
def test_a_resume_on_other_processes_leaves_no_batch_out(batches: int, before: int, after: int, number: int) -> None:
    whole = read(epoch_of(batches, 1), batches)
    first = epoch_of(batches, before)
    done = read(first, number)
    assert done == whole[: len(done)]
    states = [one.state_dict() for one in first]
    second = epoch_of(batches, after)
    for one in second:
        one.load_state_dict(states[0])
    rest = read(second, batches)
    if len(done) == batches:  # the next epoch begins
        assert states[0]["epoch"] == 2 and len(rest) == batches
    else:
        again = len(done) % after
        assert rest == whole[len(done) - again :]
