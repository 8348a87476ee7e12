"""The text of a filled template: given words as they were typed, spaces as a reader expects them."""

from __future__ import annotations

import pytest

from fairseq_cmlm.given_words import GivenWords, filled_text, holds


def joined(words: str) -> str:
    """Words as Moses joins them, as far as the tests need it."""
    return words.replace(" .", ".").replace(" ,", ",").replace(" 's", "'s").replace('" ', '"').replace(" %", "%")


def filled(texts: list[str], words: list[str], fillings: list[str]) -> str:
    """The text of the given texts, whose words are `words`, with fillings between them."""
    tokens, fillable, parts = [], [], [part.split() for part in words]
    for number, part in enumerate(parts):
        tokens += part
        fillable += [False] * len(part)
        if number < len(fillings):
            tokens += fillings[number].split()
            fillable += [True] * len(fillings[number].split())
    given = GivenWords(texts, [len(part) for part in parts])
    return filled_text(given, fillable, lambda begin, end: joined(" ".join(tokens[begin:end])))


@pytest.mark.parametrize(
    ("texts", "words", "fillings", "text"),
    [
        (["use a_n ", " here."], ["use a _ n", "here ."], ["now"], "use a_n now here."),
        (["use a_n ", "."], ["use a _ n", "."], ["now"], "use a_n now."),
        (["use a_n ", " here."], ["use a _ n", "here ."], [", now"], "use a_n, now here."),
        (["a_n ", " dog"], ["a _ n", "dog"], ["'s"], "a_n's dog"),
        (["a_n ", " %s now"], ["a _ n", "% s now"], ["dog"], "a_n dog %s now"),
        (["#", " x"], ["#", "x"], ["dog"], "#dog x"),
        (["multi-", "."], ["multi-", "."], ["dog"], "multi-dog."),
        (["the ", "-click"], ["the", "-click"], ["dog"], "the dog-click"),
        (["the # ", " - x"], ["the #", "- x"], ["dog"], "the # dog - x"),
        (["a_n", "dog"], ["a _ n", "dog"], ["big"], "a_n big dog"),
        (["(a_n ", ")."], ["( a _ n", ") ."], ["big"], "(a_n big)."),
        (['"a_n" ', " dog"], ['" a _ n "', "dog"], ["big"], '"a_n" big dog'),
        (["", " a_n ", ""], ["", "a _ n", ""], ["the big", "dog"], "the big a_n dog"),
        (["a_n ", "", " dog"], ["a _ n", "", "dog"], ["one", "two"], "a_n one two dog"),
        (["a_n ", " dog"], ["a _ n", "dog"], [""], "a_n dog"),
        (["„the“ dog ."], ['" the " dog .'], [], "„the“ dog ."),
        (["„the“ ", " ."], ['" the "', "."], ["dog"], "„the“ dog."),
        ([""], [""], [], ""),
        (["", ""], ["", ""], ["a dog ."], "a dog."),
    ],
)
def test_given_words_stand_as_typed(texts: list[str], words: list[str], fillings: list[str], text: str) -> None:
    assert filled(texts, words, fillings) == text


def test_what_stands_already_keeps_the_spaces_of_the_whole() -> None:
    assert filled(["a man ", " runs ."], ["a man", "runs ."], [", who"]) == "a man, who runs ."
    assert filled(["a man ", " runs."], ["a man", "runs ."], [", who"]) == "a man, who runs."


@pytest.mark.parametrize(
    ("text", "given", "found"),
    [
        ("a big dog", ["a", "dog"], True),
        ("a big dog", ["a", "cat"], False),
        ("the big dog", ["a", "dog"], False),
        ("a big dog here", ["a", "dog"], False),
        ("a big old dog", ["a", "old", "dog"], True),
        ("a big dog", ["a", "old", "dog"], False),
        ("a old b", ["b", "old", "a"], False),
        ("ab", ["ab", "b"], False),
        ("aba", ["ab", "", "ba"], False),
        ("a dog", ["a dog"], True),
        ("a dog", ["a"], False),
        ("a dog", ["", ""], True),
        ("“ dog ” is", ["“", "” is"], False),
        ("“dog” is", ["“", "” is"], True),
        ("a dog … b", ["a ", "…", "b"], False),
        ("a dog … b", ["a ", " … ", "b"], True),
    ],
)
def test_texts_stand_in_their_order(text: str, given: list[str], found: bool) -> None:
    assert holds(text, given) is found
