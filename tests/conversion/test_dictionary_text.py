from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.conversion.dictionary_text import read_dictionary

MARK = " #fairseq:overwrite"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a 3\nb 2\nmadeupword0000 0\n", "a 3\nb 2\nmadeupword0000 0\n"),
        ("a 3\nb 2", "a 3\nb 2\n"),
        ("a 3\na 1\n", f"a 3\na 1{MARK}\n"),
        ("</s> 3\n<mask> 2\n<unk> 1\n", f"</s> 3{MARK}\n<mask> 2\n<unk> 1{MARK}\n"),
        ("two words 3\n  5\n", "two words 3\n  5\n"),
        ("a\u2028b 3\n\x85 2\n\u3000 1\n", "a\u2028b 3\n\x85 2\n\u3000 1\n"),
        ("a 3\r\nb 2\r\n", "a 3\nb 2\n"),
        (f"a 3\na 1{MARK}\nb 1{MARK}\n", f"a 3\na 1{MARK}\nb 1\n"),  # a dictionary that fairseq wrote
    ],
)
def test_each_line_is_a_word_in_its_place(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "dict.en.txt"
    path.write_bytes(content.encode())
    found = read_dictionary(path)
    assert found.text == text and found.words == text.count("\n") and found.path == path
    dictionary = found.dictionary()
    lines = [line.removesuffix(MARK) for line in text.split("\n")[:-1]]
    assert dictionary.symbols == ["<s>", "<pad>", "</s>", "<unk>", *(line.rpartition(" ")[0] for line in lines)]
    # A repeated word means its last entry, as in the released code; a literal </s> of a text is no control symbol.
    for number, line in enumerate(lines, start=4):
        word = line.rpartition(" ")[0]
        last = max(n for n, other in enumerate(dictionary.symbols) if other == word)
        assert dictionary.index(word) == (3 if word == "</s>" else last) and number <= last
