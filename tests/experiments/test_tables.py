"""Each table, from cells whose numbers can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments import paper, tables
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.cells import Cell
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import AUTOREGRESSIVE, Subject
from fairseq_cmlm.experiments.tables import TABLES, lengths
from fairseq_cmlm.experiments.tables.samplers import STOPPING, WAYS
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold
from fairseq_cmlm.render.table import Row, Table

SUBJECT = Subject("ours", ["raw"], teacher=True)
# Lengths 4 and 12, with </s> 5 and 13.
REFERENCES = ["a b c d", "e f g h i j k l m n o p"]
WRONG = "x x x x"


def cell_of(case: Case) -> Cell:
    """The long sentence right and the short one wrong from T=4 on or with a beam; before that all is wrong."""
    if isinstance(case.decoding, BeamSearch):
        passes, size, good = 7, 1, True
    else:
        passes, size = case.decoding.iterations or 7, case.decoding.length_beam
        good = case.decoding.iterations == 0 or case.decoding.iterations >= 4
    texts = [WRONG, REFERENCES[1] if good else WRONG]
    seconds, peer = ([[1.5, 0.5], [1.0], [4.0]], [4.0, 4.0, 4.0]) if case.timed else ([[9.0]], [])
    candidates = list(range(5, 5 + size))  # the length 13 is the ninth
    others = [["a b c"], []]  # of the short sentence a better one is there
    tokens = [text.split() for text in texts]
    return Cell(texts, tokens, [candidates] * 2, [[passes, 99], [3, 99]], seconds, peer, others, [passes, 3])


def results_of(cases: list[Case], pair: str, subject: Subject) -> Results:
    gold = Gold([REFERENCES], "none", tokenised=True, lengths=[5, 13])
    return Results(subject, pair, gold, {case: cell_of(case) for case in cases})


def made(name: str, pair: str = "en-de", subject: Subject = SUBJECT) -> Table:
    return TABLES[name].table(results_of(TABLES[name].cases(subject), pair, subject))


def column(table: Table, name: str) -> list[Any]:
    return [row[name] for row in table.rows]


def bleu(*texts: str) -> float:
    return Bleu([REFERENCES], "none", tokenised=True).score(texts)


GOOD, BAD = bleu(WRONG, REFERENCES[1]), bleu(WRONG, WRONG)


def test_the_scores_of_these_texts_differ() -> None:
    # 12 of 16 words, 11 of 14 pairs, 10 of 12 triples, 9 of 10 quadruples; no shorter than the references.
    assert pytest.approx(100 * (12 / 16 * 11 / 14 * 10 / 12 * 9 / 10) ** 0.25) == GOOD
    assert BAD < 10


def test_iterations() -> None:
    table = made("iterations")
    assert column(table, "T")[:10] == ["1", "4", "10", "N"] * 2 + ["-", "-"]
    assert column(table, "length prior")[:10] == ["0, as in the paper"] * 4 + ["1, the default"] * 4 + [None] * 2
    assert column(table, "l or beam")[:10] == [*[5] * 8, 1, 5]
    assert column(table, "BLEU")[:10] == pytest.approx([BAD, GOOD, GOOD, GOOD] * 2 + [GOOD, GOOD])
    assert column(table, "passes")[:10] == [2.0, 3.5, 6.5, 5.0] * 2 + [5.0, 5.0]
    # Two translations of five tokens.
    assert column(table, "tokens a pass")[:10] == [10 / (2 * passes) for passes in column(table, "passes")[:10]]
    # The paper's figures stand beside what decodes as the paper does.
    assert column(table, "paper, small")[:10] == [15.06, 24.17, 25.51, None] + [None] * 6
    assert column(table, "paper, base")[:10] == [18.05, 25.94, 27.03, None] + [None] * 4 + [None, 27.74]
    assert column(table, "paper, base")[10:] == [27.86, 28.60] and column(table, "BLEU")[10:] == [None, None]
    chrf = column(table, "chrF")
    assert chrf[0] < chrf[1]


def test_json_tells_the_decoding_of_each_row() -> None:
    records = made("iterations").records
    assert all(f"iterations:{T}|" in row["decoding"] for T, row in zip((1, 4, 10, 0), records))
    assert ["length_prior:0|" in row["decoding"] for row in records[:8]] == [True] * 4 + [False] * 4
    assert records[8]["decoding"].startswith("beam:1|") and "decoding" not in records[10]
    assert "strategy" not in made("iterations").markdown()


def test_repetition() -> None:
    table = made("repetition", "en-ro")
    assert column(table, "T") == [1, 2, 3, 4, 5, 10]
    # Three of four words repeat in a wrong sentence: 6 of 8 words, and 3 of 16.
    assert column(table, "repeated %") == [75.0, 75.0, 75.0, 18.75, 18.75, 18.75]
    assert column(table, "BLEU") == pytest.approx([BAD, BAD, BAD, GOOD, GOOD, GOOD])
    assert column(table, "paper, repeated %") == [9.34, 2.82, 1.26, 0.87, 0.61, None]
    assert column(table, "paper, BLEU") == [27.32, 31.08, 32.19, 32.53, 32.62, 33.08]
    assert table.panels[1].series["ours"] == [(1, 75.0), (2, 75.0), (3, 75.0), (4, 18.75), (5, 18.75), (10, 18.75)]
    assert table.panels[1].series["paper"][-1] == (5, 0.61)


def test_lengths() -> None:
    table = made("lengths")
    assert column(table, "length") == ["1-9", "10-19", "20-29", "30-39", "40+"]
    assert column(table, "sentences") == [1, 1, 0, 0, 0]
    for name in ("T=4", "T=10", "T=N", "beam 5"):
        assert column(table, name)[0] < 20 and column(table, name)[1:] == [pytest.approx(100), None, None, None]
    assert column(table, "paper, T=4") == [21.8, 24.6, 24.9, 24.9, 25.0]
    assert column(table, "paper, T=N") == [22.4, 26.0, 27.1, 27.6, 28.1]
    assert [x for x, _ in table.panels[0].series["T=4"]] == ["1-9", "10-19"]
    assert list(table.panels[0].series) == ["T=4", "T=10", "T=N", "beam 5"]


def test_lengths_without_a_teacher() -> None:
    assert made("lengths", "en-ro", Subject("ours")).columns == ["length", "sentences", "T=4", "T=10", "T=N"]


def test_candidates() -> None:
    table = made("candidates")
    assert column(table, "l") == [*range(1, 10), "gold length"]
    assert column(table, "length accuracy %") == [*[50.0] * 8, 100.0, None]
    assert column(table, "BLEU") == pytest.approx([GOOD] * 10)
    assert column(table, "repeated %") == [18.75] * 10
    assert column(table, "paper, BLEU")[::9] == [26.56, 27.27]
    assert column(table, "paper, length accuracy %")[7:] == [80.3, 83.8, None]
    assert [len(panel.series["paper"]) for panel in table.panels] == [9, 9]


def test_choice() -> None:
    judged = replace(SUBJECT, judge=__file__)
    table = made("choice", subject=judged)
    chosen, planned = column(table, "chosen by"), column(table, "planned by")
    own = ["confidence", "oracle", "pseudo_likelihood", "likelihood_bound", "autoregressive", "consensus"]
    pooled, agreed = "autoregressive+consensus:4", ["pseudo_likelihood+consensus:2", "autoregressive+consensus:2"]
    masked = [*own, "pseudo_likelihood", "autoregressive", *agreed, pooled] * 2
    assert chosen == [*masked, *["-", "oracle"] * 4]
    assert planned[:11] == ["confidence"] * 6 + ["pseudo_likelihood", "autoregressive"] + ["confidence"] * 3
    assert column(table, "added") == ([None] * 10 + ["beam 5"]) * 2 + [None] * 8
    assert column(table, "T") == ["4"] * 11 + ["10"] * 11 + ["-"] * 8
    assert (
        column(table, "system")[22:]
        == [AUTOREGRESSIVE] * 4 + ["autoregressive, rescored"] * 2 + ["autoregressive, by consensus"] * 2
    )
    # The oracle takes the better candidate of the short sentence.
    best = bleu("a b c", REFERENCES[1])
    assert best > GOOD
    assert column(table, "BLEU")[:3] == pytest.approx([GOOD, best, GOOD])
    assert column(table, "BLEU")[-2:] == pytest.approx([GOOD, best])
    assert column(table, "chrF")[1] > column(table, "chrF")[0]
    assert column(table, "passes")[:2] == [3.5, 3.5] and column(table, "seconds")[0] == 9.0
    assert column(table, "tokens a pass")[:2] == [10 / (2 * 3.5)] * 2
    assert all("length_prior:1|" in record["decoding"] for record in table.records[:22])
    assert f"rescore_with:{Path(__file__).name}@" in table.records[4]["decoding"]


def test_samplers() -> None:
    table = made("samplers")
    shown = list(zip(column(table, "T"), column(table, "strategy"), column(table, "difference")))
    plain = next(number for number, row in enumerate(shown) if row[:2] == ("10", "mask_predict"))
    # Ten passes are compared with; four translate the same here.
    assert shown[0] == ("4", "mask_predict", None) and shown[plain] == ("10", "mask_predict", None)
    assert column(table, "rows")[0] == 102.5
    assert column(table, "system")[-2:] == [AUTOREGRESSIVE] * 2 and column(table, "rows")[-2:] == [None] * 2
    # The paper's objective trains nothing that reads what stands, but a planner may.
    strategies = set(column(table, "strategy"))
    assert {"path_planning", "without_remasking", "remdm_cap"} <= strategies and not {"all_tokens", "edit"} & strategies
    every = set(column(made("samplers", subject=replace(SUBJECT, objective="cmlmc")), "strategy"))
    assert every == strategies | {"all_tokens", "edit"}
    assert len(set(table.records[i]["decoding"] for i in range(len(table.rows)))) == len(table.rows)


@pytest.mark.parametrize("row", [*WAYS, *STOPPING], ids=str)
def test_each_row_of_the_samplers_is_possible_by_itself(row: dict[str, Any]) -> None:
    assert Decoding.of(**row)


def test_samplers_that_what_is_given_excludes_are_left_out() -> None:
    assert set(column(made("samplers", subject=Subject("ours", given={"original": True})), "T")) == {"4", "10"}


def test_choice_without_a_teacher_and_with_what_excludes_some_rows() -> None:
    assert set(column(made("choice", subject=Subject("ours")), "chosen by")) == {
        *("confidence", "oracle", "pseudo_likelihood", "likelihood_bound", "consensus"),
        "pseudo_likelihood+consensus:2",
    }
    exact = made("choice", subject=Subject("ours", given={"original": True}))
    assert column(exact, "chosen by") == ["confidence", "oracle"] * 2
    rescored = {"rescore_with": __file__, "choose_by": "autoregressive+consensus"}
    two = made("choice", subject=Subject("ours", given=rescored, judge=__file__))
    assert column(two, "chosen by")[0] == "confidence" and column(two, "planned by").count("autoregressive") == 2


def test_comparison() -> None:
    table = made("comparison")
    assert column(table, "T") == [1, 4, 10]
    for name in ("ours", "raw"):
        assert column(table, f"{name}, BLEU") == pytest.approx([BAD, GOOD, GOOD])
        assert column(table, f"{name}, repeated %") == [75.0, 18.75, 18.75]
    assert column(table, "paper, raw") == [10.64, 22.25, 24.61]
    assert column(table, "paper, distilled") == [18.05, 25.94, 27.03]


def test_speed() -> None:
    table = made("speed")
    assert column(table, "system") == [AUTOREGRESSIVE] * 2 + ["ours"] * 9
    assert column(table, "l or beam") == [5, 1, 1, 1, 1, 2, 2, 2, 5, 5, 5]
    assert column(table, "T")[2:] == ["4", "8", "10"] * 3
    # Rounds of 2, 1 and 4 s beside 4 s: 2, 4 and 1 times as fast.
    assert column(table, "seconds") == [4.0] + [2.0] * 10
    assert [column(table, name)[1] for name in ("x", "least", "greatest")] == [2.0, 1.0, 4.0]
    assert column(table, "x")[0] == 1.0
    assert column(table, "paper, x") == [None, 1.18, None, None, None, 3.06, 1.82, 1.30, None, None, None]
    assert table.panels[0].series["l=2"] == [(2.0, pytest.approx(GOOD))] * 3
    assert table.panels[0].series["paper, l=2"][0] == (3.06, 25.65)


def test_without_a_teacher_speed_is_in_seconds_alone() -> None:
    alone = Subject("ours")
    results = results_of(TABLES["speed"].cases(alone), "en-de", alone)
    cells = {case: replace(cell, peer=[]) for case, cell in results.cells.items()}
    table = TABLES["speed"].table(replace(results, cells=cells))
    assert column(table, "seconds") == [2.0] * 9 and not table.panels
    assert "x" not in table.columns and "least" not in table.columns


# Tables with another axis: only the cases change.


@pytest.mark.parametrize("name", ["iterations", "repetition", "candidates", "choice", "comparison", "speed"])
def test_a_table_tells_cases_apart_by_whatever_they_differ_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = getattr(tables, name)
    cases, strategies = module.cases, ("mask_predict", "without_remasking")

    def both(subject: Subject) -> list[Case]:
        return [
            case
            for strategy in strategies
            for case in cases(replace(subject, given={"strategy": strategy}))
            if case.masked or strategy == "mask_predict"
        ]

    plain = made(name)
    monkeypatch.setattr(module, "cases", both)
    table = module.table(results_of([*both(SUBJECT), *SUBJECT.beam_search(5)], "en-de", SUBJECT))
    assert {*column(table, "strategy")} - {None} == {*strategies}
    masked = len([row for row in table.rows if row["strategy"]])
    assert masked == 2 * (len(plain.rows) - len(table.rows) + masked)
    for panel, before in zip(table.panels, plain.panels):
        assert any("without_remasking" in curve for curve in panel.series)
        assert all(len(points) <= max(map(len, before.series.values())) for points in panel.series.values())


def test_lengths_has_a_column_for_each_case_however_they_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def cases(subject: Subject) -> list[Case]:
        return [subject.masked(mask_schedule=schedule) for schedule in ("linear", "cosine")]

    monkeypatch.setattr(lengths, "cases", cases)
    table = lengths.table(results_of(cases(SUBJECT), "en-ro", SUBJECT))
    assert table.columns == ["length", "sentences", "mask_schedule=linear", "mask_schedule=cosine"]


# What the command's options of decoding do to the cases


def test_given_options_win_over_the_papers_and_lose_against_the_tables() -> None:
    case = Subject("ours", given={"iterations": 3, "length_beam": 2, "length_prior": 0.5}).masked(iterations=4)
    assert case.decoding == Decoding.of(iterations=4, length_beam=2, length_prior=0.5)
    assert Subject("ours").masked().decoding == Decoding.of(iterations=10, length_beam=5, length_prior=0)
    fast = Subject("ours", given={"preset": "fast"})
    assert fast.masked(iterations=4).decoding == Decoding.of(preset="fast", iterations=4, length_beam=2, length_prior=0)
    assert Subject("ours", given={"length_prior": 3.0}).priors == [0, 3]
    assert Subject("ours", given={"length_prior": 0.0}).priors == [0]
    assert Subject("ours", given={"original": True}).priors == [0]


def test_the_papers_figures_stand_beside_what_decodes_as_the_paper_does_alone() -> None:
    for given, stands in (({}, True), ({"dtype": "bfloat16"}, True), ({"stop_unchanged": 1}, False)):
        columns = made("candidates", "en-de", Subject("ours", given=given)).columns
        assert ("paper, BLEU" in columns) is stands


@pytest.mark.parametrize("name", sorted(TABLES))
def test_another_pair_has_no_figures_of_the_paper(name: str) -> None:
    assert any("paper" in column for column in made(name, "en-de").columns) is (name not in ("choice", "samplers"))
    assert not any("paper" in column for column in made(name, "en-fi").columns)


@pytest.mark.parametrize("pair", sorted(paper.BASE))
@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_pair_of_the_paper_has_its_tables(name: str, pair: str) -> None:
    assert made(name, pair).rows


def test_markdown_leaves_out_empty_columns_and_rounds() -> None:
    rows: list[Row] = [{"a": 1, "b": None, "c": 2.005}, {"a": "x", "b": None, "c": None}]
    assert Table("t", rows, "").markdown() == "| a | c |\n|---|---|\n| 1 | 2.00 |\n| x | - |"
