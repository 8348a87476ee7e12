from pathlib import Path

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
