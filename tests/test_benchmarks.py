"""The benchmarks: their arithmetic on known numbers, their checks, and both commands at a toy size."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from fairseq.data import Dictionary
from fairseq_commands import LANGUAGES, TINY

from benchmarks import checked, decoding, documents, growth, objectives, quality, steps, training, updates, variants
from benchmarks.catalogue import MASKED
from benchmarks.checked import Checked, Expected, WrongDecodingError, check, expected_of
from benchmarks.growth import exponent, quadratic_share
from benchmarks.memory import Peak, peak_of
from benchmarks.models import Size
from benchmarks.operations import Operations, masked_in_each_pass, operations
from benchmarks.rows import Line, details_of, quality_panels, row_of
from benchmarks.sentences import DISTRIBUTIONS, random_words, read_pairs
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.cells import Cell
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, lengths_around, widest
from fairseq_cmlm.experiments.systems import ctranslate2, runtime
from fairseq_cmlm.experiments.systems.autoregressive import ForcedLength
from fairseq_cmlm.experiments.systems.fairseq_masked import FairseqMasked
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.system import Decoded
from fairseq_cmlm.experiments.timing import Spread
from fairseq_cmlm.render.plots import figure_class

TOY = ("--sentences", "5", "--rounds", "2", "--features", "32", "--layers", "2", "--vocabulary", "60")


def peak_of_nothing(*unused: Any) -> Peak:
    """In place of `peak_of`, which starts Python and imports fairseq for every row."""
    return Peak(process=150.0, libraries=100.0)


# Arithmetic


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    assert exponent([16, 32, 512], [3 * n**power for n in (16, 32, 512)]) == pytest.approx(power)


@pytest.mark.parametrize(
    ("linear", "quadratic", "share"), [(7, 0, 0.0), (0, 7, 1.0), (1000, 10, 5120 / 6120)], ids=["n", "n^2", "both"]
)
def test_the_quadratic_share_is_found(linear: float, quadratic: float, share: float) -> None:
    lengths = (16, 64, 512)
    assert quadratic_share(lengths, [linear * n + quadratic * n**2 for n in lengths]) == pytest.approx(share)


# D = 2, N = 2, V = 10. Encoder, 4 positions: 2 * (48 * 4 + 8 * 3) = 432, 2 * 4 * 16 = 128. A pass over a canvas of 5:
# 56 * 5 + 8 * 5 = 320 and (48 + 20) * a; first layer 4 * 5 * (5 + 3) = 160, last layer 4 * a * (5 + 3).
@pytest.mark.parametrize(
    ("candidates", "asked", "linear", "attention"),
    [
        (1, [], 432, 128),
        (1, [5], 432 + 320 + 340, 128 + 160 + 160),
        (1, [5, 2], 432 + 320 + 340 + 320 + 136, 128 + 160 + 160 + 160 + 64),
        (3, [5], 432 + 3 * 660, 128 + 3 * 320),
    ],
)
def test_operations(candidates: int, asked: list[int], linear: int, attention: int) -> None:
    found = operations(Size(features=2, layers=2, vocabulary=10), 3, 5, candidates, asked)
    assert found == Operations(linear, attention) and found.total == linear + attention


@pytest.mark.parametrize(("length", "expected"), [(10, [10, 7, 5, 2]), (3, [3, 2, 1]), (1, [1])])
def test_the_positions_masked_in_each_of_4_passes(length: int, expected: list[int]) -> None:
    assert masked_in_each_pass(length, 4) == expected


def test_a_row_from_known_times() -> None:
    fast, slow = Decoding.of(iterations=4, length_beam=3), Decoding.of(iterations=10, length_beam=3)
    lines = [
        Line(Case(name, how, 2, 1), passes, size)
        for name, how, passes, size in [
            ("ours", fast, 4, 3),
            ("peer", slow, 10, 3),
            ("peer", fast, 4, 3),
            ("ar", BeamSearch(5), None, None),
        ]
    ]
    seconds = [[[0.5, 0.5], [1.0, 1.0]], [[9.0, 9.0]] * 2, [[1.0, 1.0], [1.0, 1.0]], [[2.0, 2.0], [2.0, 4.0]]]
    done = (["a", "b"], [["a"], ["b"]], [[2, 3], [3, 4]], [[2, 3], [3, 4]])
    cells = {line.case: Cell(*done, latencies) for line, latencies in zip(lines, seconds)}

    found = details_of(lines[0], lines, cells, None, ["peer", "ar"], bleu=None)
    assert found["sentences_per_second"] == {"median": 1.5, "low": 1.0, "high": 2.0}
    assert (found["p50_ms"], found["p90_ms"], found["passes"]) == (750.0, 1000.0, 3.0)
    expected = {"peer": Spread(1.5, 1.0, 2.0), "ar": Spread(3.5, 3.0, 4.0)}
    assert found["ratios"] == {peer: ratio._asdict() for peer, ratio in expected.items()}
    row = row_of(found)
    assert (row["T"], row["l"], row["x peer"], row["x ar"]) == (4, 3, "1.50 (1.00-2.00)", "3.50 (3.00-4.00)")
    assert details_of(lines[3], lines, cells, None, ["peer"], None)["ratios"] == {"peer": None}


def test_a_preset_has_a_row_of_its_own_and_is_compared_with_the_most_passes() -> None:
    options = decoding.main.parse(["--iterations", "4", "10", "--candidates", "2", "--length-prior", "2"])
    options.trained = {"ours": "x"}
    fast = decoding.catalogue([], "cpu", ["fast"])[0]
    lines = decoding.lines_of([fast, MASKED["ours"], MASKED["fairseq-cmlm"]], options, 1, 1)
    assert [line[1:] for line in lines] == [(None, None), *[(4, 2), (10, 2)] * 2]
    assert lines[0].case.decoding == Decoding.of(preset="fast", length_prior=2.0)
    assert lines[2].case.decoding == Decoding.of(iterations=10, length_beam=2, length_prior=2.0)
    assert lines[4].case.decoding == Decoding.of(iterations=10, length_beam=2)

    cells = {line.case: Cell(["a"], [["a"]], [[2]], [[2]], [[1.0 + i]]) for i, line in enumerate(lines)}
    found = details_of(lines[0], lines, cells, None, ["ours", "fairseq-cmlm"], bleu=None)["ratios"]
    assert {peer: ratio["median"] for peer, ratio in found.items()} == {"ours": 3.0, "fairseq-cmlm": 5.0}
    assert row_of(details_of(lines[0], lines, cells, None, [], bleu=None))["T"] is None


# Sentences


@pytest.mark.parametrize(("name", "source", "target"), [("captions", 15.5, 16.4), ("news", 26.4, 27.6)])
def test_the_fitted_lengths_have_the_means_of_their_texts(name: str, source: float, target: float) -> None:
    lengths = np.array(DISTRIBUTIONS[name].draw(20000, np.random.default_rng(0)))
    assert lengths.mean(0) == pytest.approx([source, target], rel=0.02)
    assert np.corrcoef(np.log(lengths.T))[0, 1] > 0.8 and lengths.min() >= 1


def test_batches_hold_every_sentence_once_by_length() -> None:
    sentences = random_words([(3, 4), (1, 9), (2, 2), (3, 1), (2, 5)], 50, np.random.default_rng(0))
    batches = batches_of(sentences, 2)
    assert [[(len(s.source), len(s.target)) for s in batch] for batch in batches] == [
        [(1, 9), (2, 2)],
        [(2, 5), (3, 1)],
        [(3, 4)],
    ]
    assert widest(batches) == batches[0]


def test_pairs_are_drawn_from_texts(tmp_path: Path) -> None:
    source, target = tmp_path / "s", tmp_path / "t"
    source.write_text("a b\n\nc\n")
    target.write_text("x\ny\nz z\n")
    pairs = read_pairs(source, target, 2, np.random.default_rng(0))
    assert sorted(pairs) == [(["a", "b"], ["x"]), (["c"], ["z", "z"])]
    with pytest.raises(OptionError, match="--sentences 3 is more than the 2 usable pairs"):
        read_pairs(source, target, 3, np.random.default_rng(0))
    target.write_text("x\n")
    with pytest.raises(TextError, match=r"s has 3 lines and .*t 1"):
        read_pairs(source, target, 1, np.random.default_rng(0))


# Forced lengths and their check


@pytest.mark.parametrize(
    ("length", "size", "expected"),
    [(9, 1, [9]), (9, 4, [8, 9, 10, 11]), (9, 5, [7, 8, 9, 10, 11]), (2, 5, [1, 2, 3, 4, 5])],
)
def test_candidates_lie_around_the_reference(length: int, size: int, expected: list[int]) -> None:
    assert lengths_around(length, size) == expected


@pytest.mark.parametrize(
    ("length", "iterations", "passes"), [(30, 10, 10), (10, 10, 10), (9, 10, 9), (3, 10, 7), (1, 10, 1), (7, 1, 1)]
)
def test_a_short_row_is_done_before_the_last_pass(length: int, iterations: int, passes: int) -> None:
    case = Case("ours", Decoding.of(iterations=iterations))
    assert expected_of(case, Masked(Path())).passes(length) == passes
    assert expected_of(case, FairseqMasked(Path())).passes(length) == iterations


@pytest.mark.parametrize(
    ("how", "system", "lengths", "passes", "fewer"),
    [
        (Decoding.of(iterations=4, length_beam=2, gold_target_length=True), Masked(Path()), [[3, 4], [2, 3]], 4, False),
        (Decoding.of(iterations=4, stop_unchanged=1), Masked(Path()), None, 4, True),
        (Decoding.of(strategy="easy_first"), Masked(Path()), None, 20, True),
        (BeamSearch(2, gold_target_length=True), Masked(Path()), [[3, 3], [2, 2]], 20, False),
        (BeamSearch(1, gold_target_length=True), ctranslate2.CTranslate2(Path()), [[3], [3]], 20, False),
        (BeamSearch(1), ctranslate2.CTranslate2(Path()), None, 20, False),
    ],
)
def test_what_a_case_must_do(how: Any, system: Any, lengths: Any, passes: int, fewer: bool) -> None:
    expected = expected_of(Case("x", how), system)
    batch = [Sentence(["a"], ["x", "y"]), Sentence(["a"], ["x"])]
    assert expected.lengths(batch) == lengths
    assert (expected.passes(20), expected.fewer) == (passes, fewer)


@pytest.mark.parametrize("favourite", ["word", "</s>"])
def test_a_search_ends_each_sentence_at_its_length(favourite: str) -> None:
    dictionary = Dictionary()
    dictionary.add_symbol("word")
    word, end = dictionary.index("word"), dictionary.eos()
    search = ForcedLength(dictionary)
    search.lengths = torch.tensor([3, 2])
    for step, best in enumerate([[word, word], [word, end], [end]]):
        left = torch.tensor([0, 1])[: len(best)]
        log_probs = torch.zeros(len(best), 1, len(dictionary)).log_softmax(2)
        log_probs[:, :, word] += 1
        log_probs[:, :, dictionary.index(favourite)] += 2
        _, tokens, _ = search.step(step, log_probs, torch.zeros(len(best), 1, step), None, left)
        assert tokens[:, 0].tolist() == best


# The reference's length and the next, in as many passes as tokens.
TOY_EXPECTED = Expected(lambda batch: [[one.target_length, one.target_length + 1] for one in batch], lambda n: n)


@pytest.mark.parametrize(
    ("decoded", "message"),
    [
        ([], "toy translated 0 of 1 sentences"),
        ([Decoded([], [3, 5], [3, 5])], r"toy decoded the lengths \[3, 5\] instead of \[3, 4\]"),
        ([Decoded([], [3], [3])], "toy decoded the lengths"),
        ([Decoded([], [3, 4], [3, 3])], r"toy made \[3, 3\] passes at the lengths \[3, 4\], not \[3, 4\]"),
    ],
)
def test_a_decoder_that_does_something_else_is_found_out(decoded: list[Decoded], message: str) -> None:
    batch = [Sentence(["a"], ["x", "y"])]
    check("toy", batch, [Decoded([], [4, 3], [4, 3])], TOY_EXPECTED)
    with pytest.raises(WrongDecodingError, match=message):
        check("toy", batch, decoded, TOY_EXPECTED)
    fewer = TOY_EXPECTED._replace(fewer=True)
    check("toy", batch, [Decoded([], [4, 3], [2, 3])], fewer)
    with pytest.raises(WrongDecodingError, match=r"toy made \[5, 3\] passes"):
        check("toy", batch, [Decoded([], [4, 3], [5, 3])], fewer)


# Memory


def _hold(megabytes: int) -> Any:
    return lambda: len(np.ones(megabytes * 2**17))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak")
def test_the_peak_is_that_of_the_work_alone() -> None:
    held = bytearray(300 * 2**20)  # of this process: it must not count
    peak = peak_of(_hold, (100,), "cpu")
    assert peak is not None and 95 < peak.work < 150 and len(held)


def test_on_a_gpu_the_allocator_tells_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [3 * 2**20]
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: taken[-1])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: taken.append(taken[-1]))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: max(taken[1:]))
    peak = peak_of(lambda size: lambda: taken.append(size), (50 * 2**20,), "cuda:1")
    assert peak == Peak(50, 3) and peak.work == 47


# The commands


@pytest.fixture
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (decoding, training):
        monkeypatch.setattr(module, "peak_of", peak_of_nothing)


@pytest.mark.usefixtures("_no_memory")
def test_decoding_measures_all_systems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = ("--batch-sizes", "2", "5", "--iterations", "1", "4", "--candidates", "1", "4")
    decoding.main([*TOY, *grid, "--output", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out.json").read_text())
    rows = {(row["system"], row["iterations"], row["candidates"], row["batch_size"]): row for row in found["rows"]}
    systems = {system for system, *_ in rows}
    searches = 12 if ctranslate2.HAS_CTRANSLATE2 else 4
    masked = {system for system in systems if system.startswith(("ours", "runtime"))} | {"fairseq-cmlm"}
    assert {"ours", "ours-bfloat16"} <= masked and ("runtime-int8" in masked) == runtime.HAS_ONNX
    assert not any("fast" in system for system in systems)
    assert len(systems) == len(masked) + searches and len(rows) == 2 * (len(masked) * 4 + searches)
    assert all(len(row["seconds"]) == 2 for row in rows.values())

    ours, peer = rows["ours", 4, 4, 2], rows["fairseq-cmlm", 4, 4, 2]
    assert peer["passes"] == 4 and peer["ratios"]["fairseq-cmlm"]["median"] == 1
    rounds = [[sum(batches) for batches in row["seconds"]] for row in (peer, ours)]
    assert ours["ratios"]["fairseq-cmlm"]["high"] == max(theirs / own for theirs, own in zip(*rounds))
    assert rows["fairseq-2-2-beam5", None, None, 2]["ratios"]["fairseq-cmlm"] is None
    printed = capsys.readouterr().out
    assert (tmp_path / "out.md").read_text() in printed
    assert len([line for line in printed.splitlines() if line.startswith("| ")]) == 1 + len(rows)
    assert "| ours | 4 | 4 | 5 | 1 |" in printed and "- seed: 1" in printed and "torch" in printed


@pytest.mark.usefixtures("_no_memory")
@pytest.mark.parametrize("expectation", ["masked_in_each_pass", "lengths_around"])
def test_what_is_measured_is_checked(expectation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, expectation, lambda *unused: [1, 2])
    with pytest.raises(WrongDecodingError, match=r"ours (made|decoded)"):
        decoding.main([*TOY, "--batch-sizes", "5", "--systems", "ours", "--output", str(tmp_path / "out")])


@pytest.mark.skipif(not ctranslate2.HAS_CTRANSLATE2, reason="needs ctranslate2")
def test_ctranslate2_runs_the_model_that_fairseq_runs() -> None:
    options = decoding.main.parse([*TOY, "--batch-sizes", "1", "--systems", "*-2-2-beam1", "*-2-2-beam1-float32"])
    competitors = decoding.competitors_of(options)
    cases = [line.case for line in decoding.lines_of(competitors, options, 1, 1)]
    with decoding.make_systems(options, competitors) as systems:
        found = decode(cases, systems, decoding.sentences_of(options)[0], 1, make=Checked).values()
    for theirs, converted in zip(*(cell.tokens for cell in found)):
        # Alone in its batch a sentence has its own length in both; fairseq's last token is `</s>`.
        assert len(theirs) > 3 and converted[:-1] == theirs


@pytest.mark.usefixtures("_no_memory")
def test_trained_models_are_scored(checkpoint: Path, data: Path, text: Path, tmp_path: Path) -> None:
    sides = ("--source", str(text / "test.src"), "--target", str(text / "test.tgt"))
    options = ("--sentences", "9", "--batch-sizes", "4", "--iterations", "8", "--candidates", "2")
    trained = ("--trained", f"ours={checkpoint}", "--data", str(data), "--output", str(tmp_path / "out"))
    decoding.main([*options, *sides, *trained])
    rows = {row["system"]: row for row in json.loads((tmp_path / "out.json").read_text())["rows"]}
    assert {"ours", "ours-bfloat16", "ours-fast", "ours-fast-bfloat16"} <= set(rows)
    assert all(0 < row["bleu"] < 100 for row in rows.values())
    assert rows["ours-fast"]["passes"] <= rows["ours"]["passes"]
    for name in ("ours", "ours-fast") if runtime.HAS_ONNX else ():
        other = rows[name.replace("ours", "runtime")]
        assert all(rows[name][fact] == other[fact] for fact in ("bleu", "passes")), name
    assert (tmp_path / "out.png").is_file() == (figure_class() is not None)


def test_quality_is_drawn_against_the_time_of_a_sentence() -> None:
    def details(system: str, candidates: Any, speed: float, bleu: float, batch: int = 1) -> dict[str, Any]:
        facts = {"system": system, "candidates": candidates, "batch_size": batch, "threads": 2, "bleu": bleu}
        return {**facts, "sentences_per_second": Spread(speed, speed, speed)._asdict()}

    runs = [details("ours", 3, 20.0, 33.0), details("ours", 3, 10.0, 35.0), details("ours-fast", None, 50.0, 32.0)]
    found = [*runs, details("ar", None, 25.0, 38.0), details("ar", None, 100.0, 38.0, batch=8)]
    one, eight = quality_panels(found)
    assert (
        one.title == "batch 1, 2 threads"
        and one.log
        and one.series
        == {
            "ours, l=3": [(50.0, 33.0), (100.0, 35.0)],
            "ours-fast": [(20.0, 32.0)],
            "ar": [(40.0, 38.0)],
        }
    )
    assert eight.series == {"ar": [(10.0, 38.0)]}


def test_a_training_is_measured_on_batches_of_all_lengths() -> None:
    batches = batches_of(random_words([(n, n) for n in range(1, 61)], 50, np.random.default_rng(0)), 6)
    assert [len(batch[0].source) for batch in training.spread_over(batches, 3)] == [7, 31, 49]
    assert training.spread_over(batches, 99) == batches
    # Lengths with `</s>` 2 ... 7 and 8 ... 13: 27 and 63 tokens of 42 and 78.
    assert training.padding_of(batches[:2]) == "padding: source 25%, target 25%"


@pytest.mark.usefixtures("_no_memory")
def test_training_measures_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training.main([*TOY, "--batch-size", "3", "--numbers", "float32", "bfloat16", "--output", str(tmp_path / "out")])
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [(row["system"], row["numbers"]) for row in rows] == [
        *(("ours", numbers) for numbers in ("float32", "bfloat16")),
        *(("fairseq-cmlm", numbers) for numbers in ("float32", "bfloat16")),
    ]
    assert rows[2]["ratio"] == {"median": 1, "low": 1, "high": 1}
    assert all(math.isfinite(row["target_tokens_per_second"]["median"]) for row in rows)
    assert "| fairseq-cmlm | bfloat16 |" in capsys.readouterr().out


def test_objectives_are_measured_against_the_plain_one(tmp_path: Path) -> None:
    names = ("hybrid", "prism")
    objectives.main([*TOY, "--batch-size", "3", "--objectives", *names, "--output", str(tmp_path / "out")])
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["objective"] for row in rows] == ["cmlm", *names]
    assert all(len(row["seconds"]) == 2 and row["ms"] > 0 for row in rows)
    assert rows[0]["ratio"] == {"median": 1, "low": 1, "high": 1}


def test_the_models_of_a_table_are_decoded_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.txt"
    table.write_text("# a remark\neven | raw |\ndeep | raw | --encoder-layers 3 --decoder-layers 1\n")
    numbers = ("--iterations", "3", "--candidates", "2", "--batch-sizes", "2", "--output", str(tmp_path / "out"))
    variants.main([*TOY, "--table", str(table), *numbers])
    even, deep = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert (even["model"], deep["model"]) == ("even", "deep") and even["ratio"] == {"median": 1, "low": 1, "high": 1}
    assert deep["parameters"] - even["parameters"] == 12 * 32**2 + 13 * 32 - (16 * 32**2 + 19 * 32)
    assert len(deep["seconds"]) == 2 and "| deep | 0." in capsys.readouterr().out
    table.write_text("deep | --encoder-layers 3\n")
    with pytest.raises(SystemExit, match=r"must have lines NAME \| MODEL \| OPTIONS: deep"):
        variants.main(["--table", str(table)])


def test_updates_of_versions_take_turns(data: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    versions = ("--versions", f"now={root}", f"again={root}", "--warm", "2", "--updates", "1", "--rounds", "3")
    trained = [
        *map(str, (data, *LANGUAGES, *TINY)),
        "--task",
        "translation_cmlm",
        "--max-update",
        "9",
        "--save-dir",
        str(tmp_path / "none"),
    ]
    updates.main([*versions, "--output", str(tmp_path / "out"), "--", *trained])
    now, again = json.loads((tmp_path / "out.json").read_text())["rows"]
    tokens = [[one["tokens"] for one in row["rounds"]] for row in (now, again)]
    assert tokens[0] == tokens[1] and len(set(tokens[0])) > 1
    assert all(one["peak"] > 50 and one["seconds"] > 0 for one in again["rounds"])
    assert now["ratio"] == {"median": 1, "low": 1, "high": 1} != again["ratio"]
    one_round = ("--versions", f"now={root}", "--warm", "1", "--updates", "1", "--rounds", "1")
    updates.main([*one_round, "--output", str(tmp_path / "two"), "--", *trained, "--update-freq", "2"])
    (two,) = json.loads((tmp_path / "two.json").read_text())["rows"]
    assert two["rounds"][0]["tokens"] == sum(tokens[0][:2]), "an update does not take two batches"
    updates.main([*one_round, "--profile", "--output", str(tmp_path / "three"), "--", *trained])
    shares = {one["operator"]: one["now"] for one in json.loads((tmp_path / "three.json").read_text())["operators"]}
    assert shares["aten::addmm"] >= 1 and 50 < sum(shares.values()) <= 100
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert "| aten::addmm |" in (tmp_path / "three.md").read_text()


def test_updates_need_a_version(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    for versions, message in (
        ([f"now={tmp_path}"], "there is no folder fairseq_cmlm"),
        ([str(root)], "give NAME=FOLDER"),
        ([f"now={root}", f"now={root}"], "each NAME once"),
    ):
        with pytest.raises(SystemExit, match=message):
            updates.main(["--versions", *versions, "--", "data"])


def test_growth_measures_lengths_and_candidates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--lengths", "4", "8", "12", "--length-beam", "2", "--candidates", "1", "3", "--length", "5")
    growth.main([*TOY[2:], *sizes, "--iterations", "4", "--batch-size", "2", "--output", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out.json").read_text())
    assert [(row["system"], row["length"], row["candidates"]) for row in found["rows"]] == [
        *(("ours", length, 2) for length in (4, 8, 12)),
        *(("fairseq-cmlm", length, 2) for length in (4, 8, 12)),
        *((system, 5, candidates) for candidates in (1, 3) for system in ("ours", "fairseq-cmlm")),
    ]
    assert all(len(row["seconds"]) == 2 for row in found["rows"])
    (fit,) = found["fits"]["candidates"]["ours"].values()
    costs = [np.median(row["seconds"]) for row in found["rows"] if row["system"] == "ours"][-2:]
    assert fit["measured"] == pytest.approx(math.log(costs[1] / costs[0]) / math.log(3))
    needed = [sum(row["needed"].values()) for row in found["rows"] if row["system"] == "ours"][-2:]
    assert fit["expected"] == pytest.approx(math.log(needed[1] / needed[0]) / math.log(3))
    printed = capsys.readouterr().out
    assert (tmp_path / "out.md").read_text() in printed
    assert "| fairseq-cmlm | 5 | 3 |" in printed and "- growth with length, ours: exponent" in printed


def test_documents_grow_in_windows_and_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(documents, "peak_of", peak_of_nothing)
    sizes = ("--tokens", "40", "120", "--window", "60", "--length-beam", "2", "--iterations", "4", "--beam", "2")
    documents.main([*TOY[2:], *sizes, "--output", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out.json").read_text())
    passes = {(row["system"], row["tokens"]): row["passes"] for row in found["rows"]}
    assert [passes[system, 40] for system in documents.SYSTEMS] == [4, 8, 8, 4, 40]
    # A window holds two paragraphs of 21 tokens, mark included, and has no room for others before them.
    assert [passes[system, 120] for system in documents.SYSTEMS] == [12, 24, 24, 4, 120]
    assert all(len(row["seconds"]) == 2 for row in found["rows"])
    assert found["fits"]["whole"]["exponent of the memory"] == pytest.approx(0)
    printed = capsys.readouterr().out
    assert "- growth of autoregressive: exponent " in printed and "| blocks | 120 | 24 |" in printed
    with pytest.raises(SystemExit, match="--tokens 40 shows no growth"):
        documents.main(["--tokens", "40"])
    with pytest.raises(SystemExit, match="--window 30 is less than two paragraphs, 40"):
        documents.main(["--window", "30"])


def test_one_size_shows_no_growth() -> None:
    with pytest.raises(SystemExit, match="--candidates 3 3 shows no growth: give two values or more"):
        growth.main(["--candidates", "3", "3"])


def test_without_ctranslate2_its_rows_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ctranslate2, "HAS_CTRANSLATE2", False)
    found = decoding.competitors_of(decoding.main.parse([]))
    assert len(found) >= 7 and not any(one.kind == "ctranslate2" for one in found)
    assert capsys.readouterr().err.count("pip install ctranslate2") == 1


@pytest.mark.parametrize("trained", [[], ["--trained", "ours=x", "--data", "x", "--source", "x", "--target", "x"]])
def test_without_onnx_the_rows_of_the_runtime_are_left_out(
    trained: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runtime, "HAS_ONNX", False)
    found = decoding.competitors_of(decoding.main.parse(trained))
    assert found and not any(one.kind == "runtime" for one in found)
    assert capsys.readouterr().err.count("pip install onnx onnxruntime") == 1


def test_what_a_bundle_cannot_leaves_the_rows_of_the_runtime_out(capsys: pytest.CaptureFixture[str]) -> None:
    found = decoding.competitors_of(decoding.main.parse(["--block-length", "4", "--systems", "ours", "runtime*"]))
    assert [one.name for one in found] == ["ours"]
    assert "the runtime has no --block-length, and its rows are left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-sizes", "64"], "--batch-sizes 64 is more than --sentences 16"),
        (["--source", "text", "--systems", "ours"], "--source and --target go together"),
        (["--systems", "theirs"], "--systems theirs matches none of ours, ours-bfloat16"),
        (
            ["--systems", "ours", "--peers", "fairseq-cmlm"],
            "--peers fairseq-cmlm is none of the systems measured: ours",
        ),
        (["--trained", "mine=model.pt"], "--trained mine= is none of ours, fairseq-cmlm, 6-6, 12-1"),
        (["--trained", "ours=model.pt"], "--trained needs --data, --source and --target"),
    ],
)
def test_options_that_cannot_work_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        decoding.main(arguments)


def measured_quality(
    model: Path, data: Path, text: Path, output: Path, options: Sequence[Any], settings: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows of `benchmarks quality` on the test text."""
    files = ["--trained", model, "--data", data, "--source", text / "test.src", "--target", text / "test.tgt"]
    options = [*files, *options, "--batch-size", "5", "--output", output, "--settings", *settings]
    quality.main(list(map(str, options)))
    found: list[dict[str, Any]] = json.loads(output.with_suffix(".json").read_text())["rows"]
    return found


def test_quality_stands_beside_passes(checkpoint: Path, data: Path, text: Path, tmp_path: Path) -> None:
    settings = ["decoding_iterations=4", "decoding_iterations=1", "decoding_iterations=4,halve_candidates=1"]
    found = measured_quality(checkpoint, data, text, tmp_path / "out", ["--common", "length_beam=3"], settings)
    whole, one, halved = found
    assert one["passes"] == 1 and one["rows"] == 3 and one["bleu"] != whole["bleu"]
    # Rows of four passes and more take them all; of three candidates two and then one go on.
    assert whole["rows"] == pytest.approx(3 * whole["passes"], abs=0.5) and whole["passes"] > 3
    assert halved["rows"] == pytest.approx(3 + 2 + 1 + 1, abs=0.5)
    assert whole["difference"] is None and one["difference"].startswith(f"{one['bleu'] - whole['bleu']:+.1f} (p=")
    assert 0 < one["chrF"] < 100 and one["repeated tokens %"] > 0


def test_quality_stands_beside_that_of_beam_search(
    checkpoint: Path, teacher: Path, data: Path, text: Path, tmp_path: Path
) -> None:
    autoregressive = teacher / "checkpoint_last.pt"
    chosen = f"decoding_iterations=2,choose_by=autoregressive,rescore_with={autoregressive}"
    other = teacher / "checkpoint1.pt"
    beside = ["--beside", autoregressive, "--second", other, "--lenpen", "3"]
    rows = measured_quality(checkpoint, data, text, tmp_path / "out", beside, ["decoding_iterations=2", chosen])
    beam, agreed, by_masked, by_other, longer, plain, rescored = rows
    assert len({row["bleu"] for row in (beam, agreed, by_masked, by_other)}) == 4
    assert beam["setting"] == {"beam": 5} and beam["rows"] is None and beam["passes"] > 3
    assert longer["setting"] == {"beam": 5, "lenpen": 3} and longer["length ratio"] > beam["length ratio"]
    assert rescored["bleu"] != plain["bleu"] and rescored["rows"] == plain["rows"]
    assert all("(p=" in row["difference"] for row in (agreed, plain, rescored))
    assert (tmp_path / "out.png").is_file() == (figure_class() is not None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("iterations=4", "--settings iterations= is no option of"),
        ("fast", "--settings fast: fast is not NAME=VALUE"),
        ("rescore_with=none.pt", "--settings rescore_with=none.pt: there is no file none.pt"),
        ("decoding_iterations=4 --lenpen 2", "--lenpen is for the search of --beside CHECKPOINT"),
        ("decoding_iterations=4 --second none.pt", "--second is for the search of --beside CHECKPOINT"),
        ("decoding_iterations=4 --beside none.pt --second none.pt", "--second none.pt: there is no such file"),
        ("decoding_iterations=4 --beside none.pt --lenpen nan", "--lenpen nan must be at least 0"),
    ],
)
def test_quality_refuses_other_settings(
    checkpoint: Path, data: Path, text: Path, tmp_path: Path, settings: str, message: str
) -> None:
    files = ["--trained", checkpoint, "--data", data, "--source", text / "test.src", "--target", text / "test.tgt"]
    with pytest.raises(SystemExit, match=message):
        options = [*files, "--output", tmp_path / "out", "--settings", *settings.split()]
        quality.main(list(map(str, options)))


def test_steps_find_the_same_tokens_and_are_compared(tmp_path: Path) -> None:
    steps.main([*TOY, "--batch-size", "3", "--iterations", "4", "--output", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out.json").read_text())
    assert [row["name"] for row in found["rows"]] == list(steps.STEPS)
    assert found["rows"][0]["ratio"]["median"] == 1 and 0 < found["achieved"] < found["limit"]


@pytest.mark.parametrize("name", list(steps.STEPS)[1:])
def test_each_step_is_really_switched_off(name: str) -> None:
    def parts() -> list[Any]:
        predictor, layer = steps.Predictor, steps.DecoderLayer
        changed = (predictor.__call__, predictor.__init__, predictor._features, layer.forward_at)
        constants = (steps.predictor.packing_of, steps.predictor.ROWS)
        return [*changed, *constants, steps.Projection.blocks, steps.Projection.forward]

    before = parts()
    with steps.STEPS[name]():
        assert parts() != before
    assert parts() == before
