from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.dictionary import MaskedDictionary, fingerprint


def dictionary(folder: Path, words: str) -> MaskedDictionary:
    path = folder / "dict.txt"
    path.write_text("".join(f"{word} 1\n" for word in words.split()))
    loaded: MaskedDictionary = MaskedDictionary.load(str(path))
    return loaded


def test_the_mask_is_behind_the_words_and_no_text_reaches_it(tmp_path: Path) -> None:
    words = dictionary(tmp_path, "a <mask> b")
    own = words.index("<mask>")
    words.add_mask()
    assert words.mask_index == len(words) - 1 == 7
    assert words.index("<mask>") == own != words.mask_index
    assert words.string([4, 7]) == "a <mask>"
    without = dictionary(tmp_path, "a b")
    without.add_mask()
    assert without.index("<mask>") == without.unk_index
    for control in ("<s>", "<pad>", "</s>"):
        assert words.index(control) == words.unk_index
    assert words.control_symbols() == [0, 1, 2, 7]


def test_the_fingerprint_tells_words_order_and_sides(tmp_path: Path) -> None:
    one, same, other, order = (dictionary(tmp_path, words) for words in ("a b", "a b", "a c", "b a"))
    assert fingerprint(one, other).equal(fingerprint(same, other))
    found = {
        tuple(fingerprint(*pair).flatten().tolist()) for pair in ((one, one), (one, other), (other, one), (one, order))
    }
    assert len(found) == 4
    # The mean of equal fingerprints, as tools that average checkpoints compute it, is the fingerprint.
    total = sum(fingerprint(one, other) for _ in range(1000))
    assert (total // 1000).equal(fingerprint(one, other))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1\n\nb 1\n", "line 2 of .*dict.txt is '' and not a word and its count"),
        ("a 1\nb\n", "line 2 of .*dict.txt is 'b' and not a word and its count"),
        ("a 1\nb one\n", "line 2 of .*dict.txt is 'b one' and not"),
        ("a 1\n 1\n", "line 2 of .*dict.txt is ' 1' and not"),
        ("a 1\nb 1\na 2\n", "line 3 of .*dict.txt has the word 'a', which is there in line 1"),
        ("a 1\n<unk> 1\n", "line 2 of .*dict.txt has the word '<unk>', which is there as a control symbol"),
        ("\ufeffa 1\n", "dict.txt begins with a byte order mark"),
        ("a 1\nb\r1 2\n", "line 2 of .*dict.txt has a carriage return"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "dict.txt").write_bytes(content.encode())
    with pytest.raises(TextError, match=message):
        MaskedDictionary.load(str(tmp_path / "dict.txt"))


def test_words_may_be_any_characters(tmp_path: Path) -> None:
    words = ["a", "\u2028", "#", "1", "x\x85y", "madeupword0000"]
    (tmp_path / "dict.txt").write_bytes("".join(f"{word} 1\n" for word in words).encode() + b"a 5 #fairseq:overwrite\n")
    loaded = MaskedDictionary.load(str(tmp_path / "dict.txt"))
    assert loaded.symbols[4:] == [*words, "a"] and loaded.index("a") == 10
    with pytest.raises(TextError, match=r"nowhere\.txt cannot be read: No such file"):
        MaskedDictionary.load(str(tmp_path / "nowhere.txt"))
