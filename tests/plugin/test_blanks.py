"""Targets with blanks, as text."""

from __future__ import annotations

import pytest
import torch
from fairseq import utils
from fake_gpu import FakeGpu
from torch.utils.data._utils.pin_memory import pin_memory

from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.tokens import ANY_WORD, FIRST_SET
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.blanks import TemplateReader, Templates
from fairseq_cmlm.plugin.dictionary import MaskedDictionary


def reader(*words: str) -> TemplateReader:
    dictionary = MaskedDictionary()
    for word in words:
        dictionary.add_symbol(word)
    dictionary.add_mask()
    return TemplateReader(dictionary)


def read(target: str, *words: str) -> list[int | Blank]:
    return list(reader("a", "b", *words).read(target, str, "line 3").parts)


A, B = 4, 5


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("", []),
        ("a b", [A, B]),
        ("<blank>", [Blank()]),
        ("a<blank:2>b", [A, Blank(2, 2), B]),
        (" <blank:0-3> <blank> a ", [Blank(0, 3), Blank(), A]),
        ("<blank><blank:0>", [Blank(), Blank(0, 0)]),
    ],
)
def test_parts_in_their_order(target: str, parts: list[int | Blank]) -> None:
    assert read(target) == parts


def test_a_subword_that_the_dictionary_lacks_is_split_into_those_that_it_has() -> None:
    assert read("abba@@ b", "bb@@", "a@@", "b@@") == [7, 6, 7, 5]
    assert read("ab b", "a@@") == [6, B, B], "the last piece ends the word"
    long = "a" * 300 + "c"
    with pytest.raises(TextError, match=f"has no '{long}'"):
        read(long, "a@@")


@pytest.mark.parametrize(
    ("target", "limited"),
    [
        ("a <blank> b", [True]),
        ("a <blank>", [False]),
        ("<blank> <blank> b", [False, True]),
        # The second may be empty, and then the first stands beside the word.
        ("<blank> <blank:0> b", [True, True]),
        ("<blank> <blank:0-2> <blank:00-1> b", [True, True, True]),
        ("<blank> <blank:1-2> <blank:0> b", [False, True, True]),
        ("<blank> <blank:0-2>", [False, False]),
    ],
)
def test_a_blank_never_grows_into_the_word_beside_it(target: str, limited: list[bool]) -> None:
    joined = [part.last_set for part in read(target, "c@@") if isinstance(part, Blank)]
    assert joined == [FIRST_SET if one else ANY_WORD for one in limited]
    mirrored = " ".join(reversed(target.split()))
    begun = [part.first_set for part in read(mirrored, "\u2581c") if isinstance(part, Blank)]
    assert begun == [FIRST_SET if one else ANY_WORD for one in reversed(limited)]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a <blank:x>", "line 3: <blank:x> is no blank: write <blank>, <blank:3> or <blank:1-4>"),
        ("a <blank:>", "line 3: <blank:> is no blank"),
        ("<blank:3-2>", "line 3: <blank:3-2> ends before it begins"),
        ("a zz <blank>", "line 3: the model's dictionary has no 'zz'"),
        ("</s> <blank>", "line 3: the model's dictionary has no '</s>'"),
        ("a z\u00adz <blank>", r"line 3: the model's dictionary has no 'z\\xadz'"),
    ],
)
def test_what_cannot_be_read_is_named(target: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        read(target)


@pytest.mark.parametrize(("line", "tabs"), [("a", 0), ("", 0), ("a\tb\t", 2)])
def test_lines_have_one_tab(line: str, tabs: int) -> None:
    sources, templates = reader("a", "b").read_lines(["b\ta <blank>", "\t", "a\t"], 1, str)
    assert sources == ["b", "", "a"]
    assert [list(one.parts) for one in templates] == [[A, Blank()], [], []]
    with pytest.raises(TextError, match=f"line 8 has {tabs} tabs: --infill reads lines SOURCE<TAB>TARGET"):
        reader("a", "b").read_lines(["a\tb", line], 7, str)


def test_templates_go_with_a_batch_to_a_gpu() -> None:
    """Through pinned memory, and by the two ways of fairseq's commands, whose text stays on the host."""
    given = [Template([5, Blank()]), Template([Blank(), 7])]
    with FakeGpu():
        batch = pin_memory({"id": torch.tensor([0, 1]), "constraints": Templates(given)})
        assert batch["constraints"].cuda() == given
        assert utils.apply_to_sample(lambda x: x.to("gpu", non_blocking=True), batch)["constraints"] == given
