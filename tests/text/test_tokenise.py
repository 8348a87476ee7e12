from __future__ import annotations

import sys
from argparse import Namespace

import pytest
from fairseq.data import encoders

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.tokenise import TOKENISERS, Jieba, tokeniser


@pytest.mark.parametrize(
    ("name", "language", "text", "words"),
    [
        ("moses", "en", "AT&T's well-known U.S.", "AT &amp; T &apos;s well @-@ known U.S."),
        ("moses-no-escape", "en", "AT&T's well-known", "AT & T 's well @-@ known"),
        ("moses-no-dash-splits", "en", "AT&T's well-known", "AT &amp; T &apos;s well-known"),
        ("moses-no-escape-no-dash-splits", "en", "AT&T's well-known", "AT & T 's well-known"),
        ("moses", "fr", "l'a", "l&apos; a"),
        ("jieba", "zh", "上周，古装剧《美人》（NAACP）停播。", "上周 ， 古装剧 《 美人 》 （ NAACP ） 停播 。"),
    ],
)
def test_text_into_words(name: str, language: str, text: str, words: str) -> None:
    assert tokeniser(name, language).words(text) == words


@pytest.mark.parametrize(
    ("name", "language", "words", "text"),
    [
        ("moses", "en", "AT &amp; T &apos;s well @-@ known dogs .", "AT & T's well-known dogs."),
        ("moses-no-escape", "en", "&amp; well @-@ known", "&amp; well-known"),
        ("moses", "fr", "l&apos; a", "l'a"),
        ("jieba", "zh", "上周 ， US 的 “ New York ” 。", "上周，US的“New York”。"),
        ("jieba", "zh", "约 10 , 000 美元 ， 3 : 30 ， New York ' s Bob", "约10,000美元，3:30，New York's Bob"),
        ("jieba", "zh", "", ""),
    ],
)
def test_words_into_text(name: str, language: str, words: str, text: str) -> None:
    assert tokeniser(name, language).text(words) == text


@pytest.mark.parametrize("switches", [(), ("moses_no_escape",), ("moses_no_dash_splits",)])
def test_moses_is_that_of_fairseq(switches: tuple[str, ...]) -> None:
    options = {"moses_no_escape": False, "moses_no_dash_splits": False, **dict.fromkeys(switches, True)}
    theirs = encoders.build_tokenizer(Namespace(tokenizer="moses", source_lang="de", target_lang="de", **options))
    name = "-".join(["moses", *(switch.removeprefix("moses_").replace("_", "-") for switch in switches)])
    ours = tokeniser(name, "de")
    for text in ('Er sagt: "Ja, z.B. am 3. Mai" & geht\'s gut?', "a-b [c] |"):
        assert ours.words(text) == theirs.encode(text)
        if not switches:
            assert ours.text(ours.words(text)) == theirs.decode(theirs.encode(text))


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(OptionError, match="the tokenizer 'jieba' needs rjieba: pip install rjieba"):
        Jieba("zh")
    assert set(TOKENISERS) >= {"moses", "jieba"}
