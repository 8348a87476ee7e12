"""fairseq's Transformer as a judge, against fairseq's own scorer, and from every way in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.sequence_scorer import SequenceScorer
from fairseq_commands import LANGUAGES, PLUGIN, USER_DIR, by_sentence, generate, load_task, preprocess, run

from fairseq_cmlm import Translator
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError, UserError
from fairseq_cmlm.plugin import autoregressive
from fairseq_cmlm.plugin.autoregressive import Autoregressive, load_transformer

KNOWN = ("src", "tgt")


@pytest.fixture(scope="module")
def best(teacher: Path) -> Path:
    return teacher / "checkpoint_best.pt"


@pytest.fixture(scope="module")
def lines(text: Path) -> list[str]:
    return (text / "test.src").read_text().splitlines()


def test_log_probabilities_are_those_of_fairseqs_scorer(data: Path, best: Path) -> None:
    task, model = load_transformer(best, data, KNOWN, "--rescore-with")
    task.load_dataset("test")
    dataset, dictionary = task.datasets["test"], task.target_dictionary
    sample = dataset.collater([dataset[i] for i in range(8)])
    expected = SequenceScorer(dictionary).generate([model], sample)
    source, target = sample["net_input"]["src_tokens"], sample["target"]
    real = target.ne(dictionary.pad())
    read = Autoregressive(model, dictionary.eos()).read(source, 1)
    found = read(target, real, int(real.sum()), None)
    for row, (hypothesis,) in enumerate(expected):
        n = int(real[row].sum())
        assert found[row, :n].tolist() == pytest.approx(hypothesis["positional_scores"].tolist(), abs=1e-5)
        assert found[row, n:].eq(0).all()
    # Some rows alone, of two candidates a sentence, with more padding.
    rows = torch.tensor([3, 8, 15])
    wider = torch.nn.functional.pad(target[rows // 2], (0, 3), value=dictionary.pad())
    real = wider.ne(dictionary.pad())
    some = Autoregressive(model, dictionary.eos()).read(source, 2)(wider, real, int(real.sum()), rows)
    assert some[:, :-3].allclose(found[rows // 2], atol=1e-5)


def test_words_that_could_be_compared_by_number_alone_are_told(
    data: Path, best: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "fairseq_cmlm.plugin.autoregressive")
    load_transformer(best, data, KNOWN, "--rescore-with")
    assert "360 source words, 360 target words" in caplog.text
    state = torch.load(best, weights_only=True)
    state["cfg"]["task"]["data"] = "gone"
    torch.save(state, tmp_path / "teacher.pt")
    load_transformer(tmp_path / "teacher.pt", data, KNOWN, "--rescore-with")
    assert "360 source words by number alone, without gone/dict.src.txt" in caplog.text


def test_the_projection_may_be_computed_in_parts(data: Path, best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, model = load_transformer(best, data, KNOWN, "--rescore-with")
    source, target = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[8, 9, 10, 2]])
    judge = Autoregressive(model, 2)
    whole = judge.read(source, 1)(target, target.ne(1), 4, None)
    monkeypatch.setattr(autoregressive, "LOGITS_AT_ONCE", 1)
    assert judge.read(source, 1)(target, target.ne(1), 4, None).allclose(whole, atol=1e-6)


def test_scores_are_those_of_score_reference(
    data: Path, checkpoint: Path, best: Path, lines: list[str], tmp_path: Path
) -> None:
    """Every candidate, as the reference of its sentence, under fairseq-generate --score-reference."""
    found = Translator(checkpoint).translate(lines, length_beam=3, rescore_with=best)
    pairs = [(line, one) for line, translation in zip(lines, found) for one in translation.candidates]
    (tmp_path / "test.src").write_text("".join(f"{line}\n" for line, _ in pairs))
    (tmp_path / "test.tgt").write_text("".join(f"{one.text}\n" for _, one in pairs))
    same = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    folder = preprocess(tmp_path, tmp_path / "data", *same, splits=("test",))
    plain = ("--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--cpu", "--num-workers", 0, "--path", best)
    printed = by_sentence(run("generate", folder, *plain, "--score-reference"))["H"]
    for number, (_, one) in enumerate(pairs):
        expected = float(printed[number][0].split("\t")[0]) * math.log(2)
        assert one.score == one.scores["autoregressive"] == pytest.approx(expected, abs=1e-5)
    for translation in found:
        scores = [one.score for one in translation.candidates]
        assert scores == sorted(scores, reverse=True)
    # Somebody else would have chosen otherwise.
    assert any(max(one.candidates, key=lambda each: each.scores["confidence"]).text != one.text for one in found)


OPTIONS: list[dict[str, Any]] = [
    {"rescore_with": True},
    {"rescore_with": True, "plan_with": True, "choose_by": "autoregressive+confidence:0.5"},
    {"choose_by": "consensus"},
    {"search_with": True, "beam": 2},
    {"verify_with": True},
    {"plan_by": "pseudo_likelihood", "choose_by": "pseudo_likelihood"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_commands_and_python_agree(
    data: Path, checkpoint: Path, best: Path, lines: list[str], tmp_path: Path, options: dict[str, Any]
) -> None:
    # A verification makes as many passes as it needs.
    passes = {} if "verify_with" in options else {"iterations": 4}
    counted = [part for value in passes.values() for part in ("--decoding-iterations", value)]
    given = {name: str(best) if value is True else value for name, value in options.items()}
    flags = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    found = Translator(checkpoint).translate(lines, **passes, **given)
    texts, scores = [one.text for one in found], [one.score for one in found]
    (tmp_path / "input").write_text("".join(f"{line}\n" for line in lines))
    command = ("interactive", data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--input", tmp_path / "input")
    for printed in (
        generate(data, checkpoint, *counted, *flags),
        by_sentence(run(*command, *counted, *flags)),
    ):
        rows = [printed["H"][i][0].split("\t") for i in range(len(lines))]
        assert [row[1] for row in rows] == texts
        assert [float(row[0]) * math.log(2) for row in rows] == pytest.approx(scores, abs=1e-4)


def test_hypotheses_are_those_of_fairseq_generate(data: Path, checkpoint: Path, best: Path, lines: list[str]) -> None:
    plain = ("--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--cpu", "--num-workers", 0, "--path", best)
    printed = by_sentence(run("generate", data, *plain, "--beam", 3, "--nbest", 3))["H"]
    found = Translator(checkpoint).translate(
        [*lines, ""], length_beam=2, search_with=best, beam=3, choose_by="consensus"
    )
    fit = 0
    for number in range(len(lines)):
        expected = [line.split("\t") for line in printed[number]]
        added = {one.number - 2: one for one in found[number].candidates if one.number >= 2}
        # What is longer than the masked model can read is no candidate.
        assert set(added) == {k for k, (_, text) in enumerate(expected) if len(text.split()) < 40}
        for k, one in added.items():
            assert one.text == expected[k][1]
            assert one.scores["confidence"] - one.bonus == pytest.approx(float(expected[k][0]) * math.log(2), abs=1e-3)
        fit += len(added)
    assert fit > len(lines)
    assert (found[-1].text, len(found[-1].candidates)) == ("", 1)


@pytest.mark.parametrize("proposals", [1, 3])
def test_what_is_verified_is_the_greedy_search(
    data: Path, checkpoint: Path, best: Path, lines: list[str], proposals: int
) -> None:
    plain = ("--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--cpu", "--num-workers", 0, "--path", best)
    printed = by_sentence(run("generate", data, *plain, "--beam", 1))["H"]
    translator = Translator(checkpoint)
    found = translator.translate([*lines, ""], verify_with=best, length_beam=proposals)
    for number, line in enumerate(lines):
        score, text = printed[number][0].split("\t")
        (one,) = found[number].candidates
        if len(text.split()) >= 40:  # longer than the masked model can propose: cut there
            assert one.text.split() == text.split()[:39] and one.length == 40
            continue
        assert one.text == text
        assert one.scores["confidence"] - one.bonus == pytest.approx(float(score) * math.log(2), abs=1e-3)
        assert one.passes % 2 == 0 and 2 <= one.passes <= 2 * one.length
        # Short proposals cost rounds, and change nothing.
        (alone,) = translator.translate([line], verify_with=best, length_beam=proposals, length_scale=0.1)
        assert alone.text == text
    assert (found[-1].text, len(found[-1].candidates)) == ("", 1)


def test_a_search_leaves_no_history(checkpoint: Path, best: Path) -> None:
    with pytest.raises(OptionError, match="what --search-with or --verify-with finds has none: leave"):
        Translator(checkpoint).translate(["a bird"], search_with=best, history=True)


def test_planning_is_seen_in_the_history(checkpoint: Path, best: Path, lines: list[str]) -> None:
    translator = Translator(checkpoint)
    plain, planned = (
        translator.translate(lines[:3], iterations=4, history=True, **given) for given in ({}, {"plan_with": best})
    )
    passes = [one.candidates[0].history[0] for one in planned]
    assert all(made.ranks.index(0) == made.probabilities.index(min(made.probabilities)) for made in passes)
    by_length = {(i, one.length): one for i, each in enumerate(plain) for one in each.candidates}
    first = [
        (by_length[i, one.length].history[0], one.history[0])
        for i, each in enumerate(planned)
        for one in each.candidates
    ]
    assert all(a.written == b.written for a, b in first) and any(a.ranks != b.ranks for a, b in first)


def test_a_model_is_loaded_once(checkpoint: Path, best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(
        "fairseq_cmlm.plugin.judges.load_transformer",
        lambda *arguments: loaded.append(arguments) or load_transformer(*arguments),
    )
    translator = Translator(checkpoint)
    for _ in range(2):
        translator.translate(["a bird"], rescore_with=best, plan_with=best)
    assert len(loaded) == 1


def test_bleu_in_training_may_be_of_rescored_candidates(data: Path, best: Path) -> None:
    task = load_task(data)
    from argparse import Namespace

    generator = task.build_generator([], Namespace(rescore_with=str(best)))
    assert generator.decoding.weights == {"autoregressive": 1.0}


def changed(best: Path, path: Path, model: Any = None, **task: Any) -> Path:
    state = torch.load(best)
    state["cfg"]["task"].update(task)
    if model:
        state["model"] = {name: model(name, value) for name, value in state["model"].items()}
    torch.save(state, path)
    return path


def test_models_that_cannot_judge_are_refused(
    text: Path, data: Path, checkpoint: Path, best: Path, tmp_path: Path
) -> None:
    fewer = changed(best, tmp_path / "fewer.pt", lambda name, value: value[:-8] if "embed_tokens" in name else value)
    other = preprocess(text, tmp_path / "separate")
    elsewhere = changed(best, tmp_path / "elsewhere.pt", data=str(other))
    swapped = changed(best, tmp_path / "swapped.pt", source_lang="tgt", target_lang="src")
    broken = changed(best, tmp_path / "broken.pt", lambda name, value: value * math.nan)
    cases: list[tuple[Any, type[UserError], str]] = [
        ("nowhere", CheckpointError, "nowhere: there is no such file"),
        (checkpoint, CheckpointError, "was trained with --objective cmlm and does not read from left to right"),
        (fewer, CheckpointError, r"another source dictionary \(352 symbols\) than the data folder has \(360\)"),
        (elsewhere, CheckpointError, "it was trained with another source dictionary"),
        (swapped, OptionError, "it translates from tgt to src: give the model from src to tgt"),
    ]
    translator = Translator(checkpoint)
    for option in ("rescore_with", "plan_with", "search_with", "verify_with"):
        flag = f"--{option.replace('_', '-')}"
        for path, kind, message in cases:
            with pytest.raises(kind, match=f"{flag} .*{message}"):
                translator.translate(["a bird"], **{option: path})
        with pytest.raises(UserError, match=r"the autoregressive model's outputs are not numbers\s+\(NaN\)"):
            translator.translate(["a bird"], **{option: broken})


def test_texts_that_it_cannot_read_are_refused(checkpoint: Path, best: Path, tmp_path: Path) -> None:
    short = changed(best, tmp_path / "short.pt")
    state = torch.load(short)
    state["cfg"]["model"].max_source_positions = 5
    torch.save(state, short)
    asked = "--rescore-with, --plan-with or --verify-with"
    with pytest.raises(TextError, match=f"a source of 7 tokens .* {asked} reads, 5"):
        Translator(checkpoint).translate(["a bird sees a small dog"], rescore_with=short)
