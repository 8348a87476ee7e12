"""Documents as one text each, and terms that are translated alike."""

from __future__ import annotations

import pytest
from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.measures.documents import terms_alike
from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.table import TASK_MEASURES

SOURCE = "open the cell ¶ a cell, closed ¶ then open a menu"
REFERENCE = "Zelle öffnen ¶ eine Zelle, zu ¶ Menü öffnen"


@pytest.mark.parametrize(("name", "metric"), [("document_bleu", BLEU()), ("document_chrf", CHRF())])
def test_marks_do_not_count_in_bleu_and_chrf(name: str, metric: BLEU) -> None:
    scale = TASK_MEASURES[name].scale(Gold([[REFERENCE]]))
    assert scale is not None
    outputs = ["Zelle öffnen eine Zelle, zu ¶ Menü auf", "Zelle öffnen ¶ eine Zelle, zu ¶ Menü auf"]
    expected = metric.corpus_score(
        ["Zelle öffnen eine Zelle, zu Menü auf"], [["Zelle öffnen eine Zelle, zu Menü öffnen"]]
    )
    for output in outputs:
        assert scale.score(Output([output], [])) == pytest.approx(expected.score)


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        (REFERENCE, {"cell", "open"}),
        ("zelle auf ¶ eine zelle zu ¶ menü auf", {"cell", "open"}),
        ("Feld öffnen ¶ eine Zelle, zu ¶ Menü öffnen", {"open"}),  # two words for a cell
        ("Zelle öffnen ¶ eine Zelle, zu ¶ Zelle Menü öffnen", {"open"}),  # and one word for two things
        ("Zelle öffnen ¶ eine Zelle, zu Menü öffnen", {"cell"}),  # a paragraph is lost
        ("", set()),
    ],
)
def test_a_term_is_translated_alike_if_a_word_stands_where_it_stands(text: str, alike: set[str]) -> None:
    assert terms_alike(SOURCE, text) == alike


def test_a_term_has_four_letters_and_recurs_elsewhere() -> None:
    assert terms_alike("cell cell ¶ tab ¶ tab a1b2 ¶ a1b2", "Z Z ¶ x ¶ x y ¶ y") == set()


def test_the_share_is_of_the_terms_that_the_reference_translates_alike() -> None:
    gold = Gold([[REFERENCE, "x ¶ x"]], sources=[SOURCE, "menu ¶ menu"])
    scale = TASK_MEASURES["terms"].scale(gold)
    # With the second paragraph of the reference first, then the third, `Zelle` stands where `open` stands.
    assert scale is not None and scale.signature == "terms:3|letters:4+|alike:same paragraphs|chance:66.7"
    assert scale.score(Output([REFERENCE, "x ¶ x"], [])) == 100
    assert scale.score(Output(["Feld öffnen ¶ eine Zelle, zu ¶ Menü öffnen", "y ¶ z"], [])) == pytest.approx(100 / 3)
    assert TASK_MEASURES["terms"].scale(Gold([["x"]], sources=["menu"])) is None
