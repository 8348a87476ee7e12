"""A hybrid model decoded from left to right, and as the judge of its own candidates."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from fairseq_commands import LANGUAGES, USER_DIR, by_sentence, generate, run, train
from sacrebleu.metrics import BLEU

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive
from fairseq_cmlm.inference.left_to_right import LeftToRight
from fairseq_cmlm.plugin.beam_search import BeamSearch as BeamSearcher
from fairseq_cmlm.plugin.causal_model import CausalModel
from fairseq_cmlm.plugin.loading import load_models
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMTask

CAUSAL = ("--user-dir", USER_DIR, "--task", "translation_cmlm_causal")


@pytest.fixture(scope="module")
def hybrid(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    save = tmp_path_factory.mktemp("hybrid")
    train(data, save, "--share-all-embeddings", "--lr", "1e-2", "--objective", "hybrid", updates=100)
    return save / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def loaded(hybrid: Path, data: Path) -> tuple[TranslationCMLMTask, CMLMModel]:
    task, models = load_models([hybrid], data, None, None)
    task.load_dataset("test")
    return task, models[0].eval()


def search(data: Path, checkpoint: Path, *options: object) -> dict[str, dict[int, list[str]]]:
    command = (data, *CAUSAL, *LANGUAGES, "--path", checkpoint, "--cpu", "--num-workers", 0, *options)
    return by_sentence(run("generate", *command))


def greedy(model: CMLMModel, source: torch.Tensor) -> tuple[list[int], float]:
    """The words that are the best one after the other, as they would be found by hand; and their log-probability."""
    encoding, words, total = model.encode(source[None]), list[int](), 0.0
    while not words or words[-1] != 2:
        read = torch.tensor([[2, *words]])
        logits = model.project(model.states(encoding, read, torch.tensor([len(words)]), causal=True))[0]
        best = logits[:-1].log_softmax(0).argmax()
        total += float(logits.log_softmax(0)[best])
        words.append(int(best))
        assert len(words) < 40
    return words, total


def test_a_beam_of_one_takes_the_best_word_after_word(
    data: Path, hybrid: Path, loaded: tuple[TranslationCMLMTask, CMLMModel]
) -> None:
    task, model = loaded
    found = search(data, hybrid, "--beam", 1)
    assert sorted(found["H"]) == list(range(17))
    for number, lines in found["H"].items():
        score, text = lines[0].split("\t")
        words, total = greedy(model, task.dataset("test")[number]["source"])
        assert text == task.target_dictionary.string(words)
        assert float(score) == pytest.approx(total / len(words) / torch.tensor(2.0).log().item(), abs=1e-3)


def test_texts_longer_than_those_of_the_training_are_told(data: Path, hybrid: Path, tmp_path: Path) -> None:
    state = torch.load(hybrid, weights_only=False)
    for learned, side in (([3, 100], "source"), ([100, 3], "target")):
        state["task_state"]["longest"] = learned
        torch.save(state, tmp_path / "short.pt")
        log = run("generate", data, *CAUSAL, *LANGUAGES, "--path", tmp_path / "short.pt", "--cpu", "--num-workers", 0)
        assert re.findall(r"a (\w+) of \d+ tokens is longer than those of the training", log) == [side]


@pytest.mark.parametrize("beam", [1, 3])
def test_an_empty_line_stays_empty(data: Path, hybrid: Path, text: Path, tmp_path: Path, beam: int) -> None:
    first, second = (text / "test.src").read_text().splitlines()[:2]
    (tmp_path / "input").write_text(f"{first}\n\n{second}\n")
    command = (data, *CAUSAL, *LANGUAGES, "--path", hybrid, "--cpu", "--input", tmp_path / "input", "--buffer-size", 3)
    found = by_sentence(run("interactive", *command, "--beam", beam))["H"]
    expected = search(data, hybrid, "--beam", beam)["H"]
    assert [found[i][0].split("\t")[1] for i in (0, 1, 2)] == [
        expected[0][0].split("\t")[1],
        "",
        expected[1][0].split("\t")[1],
    ]


def test_a_beam_finds_likelier_sentences_whatever_the_batch(data: Path, hybrid: Path) -> None:
    wide, again, narrow = (
        search(data, hybrid, "--beam", beam, "--batch-size", size, "--unnormalized")
        for beam, size in ((4, 64), (4, 1), (1, 64))
    )
    scores = [{i: float(lines[0].split("\t")[0]) for i, lines in one["H"].items()} for one in (wide, narrow)]
    assert wide["H"].keys() == again["H"].keys()
    assert [one[0].split("\t")[1] for one in wide["H"].values()] == [again["H"][i][0].split("\t")[1] for i in wide["H"]]
    assert sum(scores[0].values()) > sum(scores[1].values()) + 1


@pytest.mark.parametrize("beam", [1, 3])
def test_the_tokens_of_a_search_have_the_probabilities_of_a_single_pass(
    loaded: tuple[TranslationCMLMTask, CMLMModel], beam: int
) -> None:
    """Although sentences end at different steps and rows change places."""
    task, model = loaded
    source = task.dataset("test").collater([task.dataset("test")[i] for i in range(17)])["net_input"]["src_tokens"]
    mask = task.symbols.mask
    found = BeamSearcher(CausalModel(model, mask), task.target_dictionary, beam).search(source)
    tokens = found.tokens.flatten(0, 1)
    assert len(set(tokens.ne(1).sum(1).tolist())) > 2
    with torch.no_grad():
        once = model.log_probs_from_left(model.encode(source), tokens)
    assert found.log_probs.flatten(0, 1).allclose(once, atol=1e-3)


def test_benchmarks_and_reports_search_with_it_as_fairseq_generate_does(data: Path, hybrid: Path, text: Path) -> None:
    found = search(data, hybrid, "--beam", 4, "--lenpen", 2)
    lines = [(text / f"test.{side}").read_text().splitlines() for side in ("src", "tgt")]
    sentences = [Sentence(source.split(), target.split()) for source, target in zip(*lines)]
    job = Autoregressive(hybrid, data).job(BeamSearch(4, lenpen=2.0), threads=1)
    prepared = job.prepare(sentences)
    decoded = job.finish(sentences, prepared, job.work(prepared))
    assert [" ".join(one.tokens) for one in decoded] == [found["H"][i][0].split("\t")[1] for i in range(17)]


def test_a_report_has_it_for_a_teacher(data: Path, hybrid: Path, text: Path, tmp_path: Path) -> None:
    files = ("--source", text / "test.src", "--reference", text / "test.tgt", "--output", tmp_path)
    options = ("--teacher", hybrid, "--data", data, "--tables", "iterations", "--rounds", 1)
    main([*map(str, ("report", hybrid, *files, *options))])
    rows = json.loads((tmp_path / "report.json").read_text())["tables"]["iterations"]["rows"]
    reference = (text / "test.tgt").read_text().splitlines()
    for row, beam in zip(rows[-2:], (1, 5)):
        lines = search(data, hybrid, "--beam", beam)["H"]
        found = [lines[i][0].split("\t")[1] for i in range(len(reference))]
        expected = BLEU(tokenize="none", force=True).corpus_score(found, [reference]).score
        assert row["BLEU"] == pytest.approx(expected)


def test_the_judge_gives_each_token_its_probability(data: Path, loaded: tuple[TranslationCMLMTask, CMLMModel]) -> None:
    task, model = loaded
    sample = task.dataset("test").collater([task.dataset("test")[i] for i in range(3)])
    source, target = sample["net_input"]["src_tokens"], sample["target"]
    twice = target.repeat_interleave(2, dim=0)
    real = twice.ne(1)
    judge = LeftToRight(model, task.symbols).read(source, 2)
    found = judge(twice, real, int(real.sum()), None)
    assert found.shape == twice.shape and (found[~real] == 0).all() and (found[real] < 0).all()
    assert found[0].allclose(found[1])
    rows = torch.tensor([1, 4])
    assert judge(twice[rows], real[rows], int(real[rows].sum()), rows).allclose(found[rows], atol=1e-5)
    sentence, total = target[0][target[0].ne(1)], 0.0
    encoding = model.encode(source[:1])
    for place, word in enumerate(sentence.tolist()):
        read = torch.tensor([[2, *sentence[:place].tolist()]])
        logits = model.project(model.states(encoding, read, torch.tensor([place]), causal=True))[0]
        total += float(logits.log_softmax(0)[word])
    assert float(found[0].sum()) == pytest.approx(total, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--decoding-iterations", 4), "--decoding-iterations 4 is not for --task translation_cmlm_causal"),
        (("--infill",), "--infill is for fairseq-interactive"),
        (("--print-alignment",), "--print-alignment .* is not for --task translation_cmlm_causal"),
        (("--score-reference",), "--score-reference True is not for --task translation_cmlm_causal"),
        (("--diverse-beam-groups", 2), "--diverse-beam-groups 2 is not for --task translation_cmlm_causal"),
        (("--retain-iter-history",), "--retain-iter-history is not for --task translation_cmlm_causal"),
    ],
)
def test_what_the_search_does_not_know_is_refused(
    data: Path, hybrid: Path, options: tuple[object, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        search(data, hybrid, *options)


def test_other_models_and_training_are_refused(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"trained with --objective hybrid, and this one was with cmlm: decode it"):
        search(data, checkpoint)
    with pytest.raises(OptionError, match="translation_cmlm_causal decodes: train with --task translation_cmlm"):
        train(data, tmp_path, "--task", "translation_cmlm_causal", updates=1)


@pytest.mark.parametrize("flag", ["--rescore-with", "--plan-with"])
def test_a_hybrid_model_judges_its_own_candidates(
    data: Path, hybrid: Path, loaded: tuple[TranslationCMLMTask, CMLMModel], flag: str
) -> None:
    task, model = loaded
    few = ("--decoding-iterations", 3, "--length-beam", 3)
    found = generate(data, hybrid, *few, flag, hybrid)
    plain = generate(data, hybrid, *few)
    assert found["H"].keys() == plain["H"].keys() and found["H"] != plain["H"]
    if flag == "--rescore-with":
        for number, lines in found["H"].items():
            score, text = lines[0].split("\t")
            line = task.target_dictionary.encode_line(text, add_if_not_exist=False).long()
            each = model.log_probs_from_left(model.encode(task.dataset("test")[number]["source"][None]), line[None])
            assert float(score) == pytest.approx(float(each.mean()) / math.log(2), abs=1e-3)


def test_a_hybrid_model_adds_what_it_finds_from_left_to_right(data: Path, hybrid: Path) -> None:
    searched = search(data, hybrid, "--beam", 3, "--nbest", 3)["H"]
    found = generate(
        data, hybrid, "--decoding-iterations", 3, "--length-beam", 2, "--search-with", hybrid, "--beam", 3, "--nbest", 5
    )
    for number, lines in found["H"].items():
        texts = [line.split("\t")[1] for line in lines]
        assert {line.split("\t")[1] for line in searched[number]} <= set(texts)


def test_a_hybrid_model_verifies_its_own_drafts(data: Path, hybrid: Path) -> None:
    searched = search(data, hybrid, "--beam", 1)["H"]
    found = generate(data, hybrid, "--verify-with", hybrid)["H"]
    texts = {number: lines[0].split("\t")[1] for number, lines in searched.items()}
    assert {number: lines[0].split("\t")[1] for number, lines in found.items()} == texts


def test_another_masked_model_is_no_judge(data: Path, hybrid: Path, checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"--objective cmlm and does not read from left to right: .* hybrid"):
        generate(data, hybrid, "--rescore-with", checkpoint)


def test_a_quality_head_plans(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path, "--share-all-embeddings", "--lr", "1e-2", "--objective", "prism", updates=60)
    model, few = tmp_path / "checkpoint_last.pt", ("--decoding-iterations", 3, "--length-beam", 2)
    planned, plain = generate(data, model, *few, "--plan-by", "quality"), generate(data, model, *few)
    assert planned["H"].keys() == plain["H"].keys() and planned["H"] != plain["H"]
    alone = generate(data, model, *few, "--plan-by", "quality", "--batch-size", 1)
    assert [one[0].split("\t")[1] for one in planned["H"].values()] == [
        alone["H"][number][0].split("\t")[1] for number in planned["H"]
    ]
