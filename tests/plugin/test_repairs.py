from __future__ import annotations

import io
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import data_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.errors import CheckpointError, TextError
from fairseq_cmlm.plugin import repairs


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
    path.write_bytes(b"a b \r\n\n c\x0bd\nlast")
    assert [line for lines in repairs.buffered_read(str(path), size) for line in lines] == ["a b", "", "c\x0bd", "last"]
    path.write_bytes(b"a\n\xe4\n")
    with pytest.raises(TextError, match=r"line 2 of .*text is not UTF-8"):
        list(repairs.buffered_read(str(path), size))
