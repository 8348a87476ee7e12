from __future__ import annotations

import io
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import data_utils
from fairseq.data.encoders.subword_nmt_bpe import SubwordNMTBPE, SubwordNMTBPEConfig
from fairseq.dataclass.configs import EMAConfig
from fairseq.models.ema.ema import EMA
from fairseq_commands import LANGUAGES, PLUGIN, load_task
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.plugin import repairs
from fairseq_cmlm.plugin.model import CMLMConfig, CMLMModel


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
