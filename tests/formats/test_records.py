"""Publishers' files, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.records import read_table


def test_a_table_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_bytes('text\tlabel\n"It is\u2028so," he said\t1\r\na  b\t2'.encode())
    rows = list(read_table(path, ["text", "label"]))
    assert [row.fields for row in rows] == [
        {"text": '"It is so," he said', "label": "1"},
        {"text": "a b", "label": "2"},
    ]
    assert rows[1].place == f"line 3 of {path}"
    assert len(list(read_table(path, ["text", "label"], head=False))) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\tlabel\na\n", r"line 2 of \S+ has 1 columns and should have 2: text, label"),
        (b"text\tlabel\na\tb\tc\n", r"line 2 of \S+ has 3 columns and should have 2: text, label"),
        (b"text\tlabel\na\t \n", r"line 2 of \S+ is empty where the label should be"),
        (b"text\tlabel\n\n", r"line 2 of \S+ has 1 columns"),
        (b"sentence\tlabel\n", r"line 1 of \S+ should name the columns text, label, and has sentence, label"),
        (b"text\tlabel\na\xe4\tb\n", r"line 2 of \S+ is not UTF-8"),
        (b"\xef\xbb\xbftext\tlabel\n", r"begins with a byte order mark"),
        (b"text\tlabel\na\rb\tc\n", r"line 2 of \S+ has a carriage return"),
    ],
)
def test_a_bad_table_is_refused_by_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "train.tsv").write_bytes(content)
    with pytest.raises(TextError, match=message):
        list(read_table(tmp_path / "train.tsv", ["text", "label"]))
