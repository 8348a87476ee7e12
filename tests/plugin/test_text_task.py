"""A model that knows how its text was prepared: raw text in, text out, through everything that reads or writes text."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional

import pytest
import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq_commands import PLUGIN, TINY, USER_DIR, by_sentence, preprocess, run, train
from subword_nmt.learn_bpe import learn_bpe

sys.path.insert(0, str(Path(__file__).parents[1] / "text"))
from sentencepiece_model import write_model

from fairseq_cmlm import Translator
from fairseq_cmlm.checkpoints.averaging import average
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.prepared_text import folder_pipeline
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME, STATE, from_json, to_json, write_pipeline
from fairseq_cmlm.text.subwords import read_subwords
from fairseq_cmlm.text.usual import usual_side

ENGLISH = ['A man\'s big dog - "Rex" - sees the well-known boat...', "the dog, isn't it?", "für Käse a 👨👩 dog"]
# The same as users type it.
TYPED = [
    "\tA\xa0man’s big dog – “Rex” — sees the\u2028well-known boat…",
    "the dog, isn’t it?",
    "fu\u0308r Ka\u0308se a 👨\u200d👩 dog",
]
ROMANIAN = ["Şi ţara vede câinele „mare”…", "s\u0327i t\u0327ara", "Și țara - mare"]
PAIR = ("-s", "en", "-t", "ro")
LANGUAGES = (*PAIR, "--max-source-positions", "80")


class Trained(NamedTuple):
    """A model of raw text, and the file of codes that is in its pipeline."""

    data: Path
    checkpoint: Path
    pipeline: TextPipeline
    codes: Path


def trained_on(folder: Path, pipeline: TextPipeline, codes: Path, english: list[str]) -> Trained:
    """Binarise the texts as a pipeline says, and train for a moment."""
    for language, lines in (("en", english), ("ro", ROMANIAN)):
        side = pipeline.sides[language]
        for split, times in (("train", 20), ("test", 1)):
            (folder / f"{split}.{language}").write_text("".join(f"{side.encode(line)}\n" for line in lines * times))
    data = preprocess(folder, folder / "data", *PAIR, "--joined-dictionary", splits=("train", "test"))
    write_pipeline(data / FILE_NAME, pipeline)
    train(data, folder, *LANGUAGES, "--lr", "1e-2", updates=30)
    return Trained(data, folder / "checkpoint_last.pt", pipeline, codes)


def learned(folder: Path, sides: dict[str, Side], lines: dict[str, list[str]]) -> Path:
    """Write BPE codes for the words of the sides."""
    words = "".join(f"{sides[language].words(line)}\n" for language in lines for line in lines[language] * 9)
    with (folder / "codes").open("w") as file:
        learn_bpe(io.StringIO(words), file, num_symbols=40)
    return folder / "codes"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("model")
    sides = {language: usual_side(language) for language in ("en", "ro")}
    codes = learned(folder, sides, {"en": ENGLISH, "ro": ROMANIAN})
    subwords = read_subwords("subword-nmt", codes)
    pipeline = TextPipeline({name: usual_side(name, subwords=subwords) for name in sides})
    return trained_on(folder, pipeline, codes, ENGLISH)


@pytest.fixture(scope="module")
def texts(model: Trained) -> list[str]:
    """What the model makes of the texts: subwords joined, words joined."""
    found = [one.text for one in Translator(model.checkpoint).translate(TYPED)]
    assert any(found) and not any("@@" in text or "&quot;" in text for text in found)
    return found


def interactive(model: Trained, folder: Path, *arguments: object, task: tuple[str, ...] = PLUGIN) -> tuple[Any, str]:
    """The lines of fairseq-interactive for the typed texts, and all that it printed."""
    (folder / "input").write_text("".join(f"{line}\n" for line in TYPED))
    command = ("interactive", model.data, *task, *LANGUAGES, "--path", model.checkpoint, "--cpu")
    printed = run(*command, "--input", folder / "input", *arguments)
    return by_sentence(printed), printed


def second(lines: dict[int, list[str]]) -> list[str]:
    """The text behind the score of each sentence's first line."""
    return [lines[number][0].split("\t")[1] for number in sorted(lines)]


def rewritten(model: Trained, path: Path, text: Any = ()) -> Path:
    """The checkpoint as `path`, with another text pipeline: None for one of an older version."""
    state = torch.load(model.checkpoint)
    if text is None:
        state["task_state"] = {}
    elif text:
        state["task_state"] = {STATE: text}
    torch.save(state, path)
    return path


def test_the_checkpoint_holds_the_pipeline(model: Trained) -> None:
    kept = torch.load(model.checkpoint)["task_state"][STATE]
    assert from_json(kept, "it") == model.pipeline


def test_a_model_reads_in_every_way_what_it_was_trained_on(model: Trained, tmp_path: Path, texts: list[str]) -> None:
    subwords = (model.data.parent / "test.en").read_text().splitlines()
    printed, whole = interactive(model, tmp_path)
    assert [lines[0] for lines in printed["S"].values()] == subwords
    assert "<unk>" not in " ".join(subwords)
    assert second(printed["D"]) == texts
    command = ("generate", model.data, *PLUGIN, *LANGUAGES, "--path", model.checkpoint, "--cpu", "--num-workers", 0)
    generated = by_sentence(run(*command))
    assert second(generated["D"]) == texts and second(generated["H"]) == second(printed["H"])
    assert [one.text for one in Translator(model.checkpoint).translate(ENGLISH)] == texts
    hub = CMLMModel.from_pretrained(str(model.checkpoint.parent), "checkpoint_last.pt", str(model.data))
    assert hub.translate(TYPED) == texts and hub.encode(TYPED[0]).equal(hub.encode(ENGLISH[0]))
    assert whole.count(f"# text {model.pipeline.signature}\n") == 1


def test_targets_are_read_alike(model: Trained, tmp_path: Path) -> None:
    translator = Translator(model.checkpoint)
    typed = translator.likelihood(TYPED[:2], [ROMANIAN[0], "s\u0327i t\u0327ara"])
    assert typed == translator.likelihood(ENGLISH[:2], ['Și țara vede câinele "mare"...', "și țara"])


@pytest.mark.parametrize("joined", [(), ("--remove-bpe",)])
def test_given_words_are_read_alike_and_stand_as_typed(model: Trained, tmp_path: Path, joined: tuple[str, ...]) -> None:
    targets = ["Şi ţara <blank>", "Și  țara <blank:2>", "„Şi” <blank:1-2>- mare", "<blank:3>"]
    translator = Translator(model.checkpoint)
    wanted = translator.translate([ENGLISH[1]] * 4, targets, history=True)
    begins = [one.text[:10] for one in wanted]
    assert begins[0].startswith("Şi ţara") and begins[1].startswith("Și țara") and begins[2].startswith("„Şi” ")
    assert wanted[2].text.endswith("- mare")
    for one in wanted:
        assert one.candidates[0].history and one.candidates[0].history[-1].text == one.text
    seen: dict[int, str] = {}
    translator.translate([ENGLISH[1]] * 4, targets, watch=lambda number, _, made: seen.update({number: made.text}))
    assert seen[0].startswith("Şi ţara") and seen[2].startswith("„Şi” ")
    (tmp_path / "lines").write_text("".join(f"{ENGLISH[1]}\t{target}\n" for target in targets))
    command = ("interactive", model.data, *PLUGIN, *LANGUAGES, "--path", model.checkpoint, "--cpu", "--infill", *joined)
    for more in (("--buffer-size", 1), ("--buffer-size", 9, "--batch-size", 2), ("--nbest", 2, "--buffer-size", 4)):
        found = by_sentence(run(*command, "--input", tmp_path / "lines", *more))["D"]
        assert second(found) == [one.text for one in wanted]
        if "--nbest" in more:
            best = [[line.split("\t")[1] for line in found[number]] for number in sorted(found)]
            assert best == [[one.text for one in each.candidates[:2]] for each in wanted]


def test_commands_need_no_options(model: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in (("source", TYPED), ("target", ROMANIAN)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    files = ["--source", str(tmp_path / "source")]
    main(["likelihood", str(model.checkpoint), *files, "--target", str(tmp_path / "target"), "--samples", "2"])
    tokens = sum(len(model.pipeline.target(line).split()) + 1 for line in ROMANIAN)
    assert f"of 3 sentences, {tokens} tokens" in capsys.readouterr().out
    report = tmp_path / "report"
    files += ["--reference", str(tmp_path / "target"), "--output", str(report), "--tables", "iterations"]
    main(["report", str(model.checkpoint), *files])
    facts = json.loads((report / "report.json").read_text())["facts"]
    assert facts["scored"] == "detokenised text" and facts["prepared"] == model.pipeline.signature
    assert "tok:13a" in facts["BLEU"]
    cell = next(json.loads(path.read_text()) for path in (report / "cells").glob("T=10,l=5,length_prior=0*"))
    assert cell["texts"] == [one.text for one in Translator(model.checkpoint).translate(TYPED, length_prior=0.0)]


def test_sentencepiece_in_and_out(tmp_path: Path) -> None:
    file = write_model(tmp_path, f"Käse sieht Hund 上周古装剧\n{ENGLISH[0]}\n" * 20, vocab_size=60)
    subwords = read_subwords("sentencepiece", file)
    pipeline = TextPipeline({name: usual_side(name, subwords=subwords, pieces=True) for name in ("en", "ro")})
    model = trained_on(tmp_path, pipeline, file, TYPED)
    found = [one.text for one in Translator(model.checkpoint).translate(TYPED)]
    assert any(found) and not any("▁" in text for text in found)
    printed, _ = interactive(model, tmp_path)
    assert [lines[0] for lines in printed["S"].values()] == (tmp_path / "test.en").read_text().splitlines()
    assert second(printed["D"]) == found
    for options_given in (
        ("--bpe", "sentencepiece", "--sentencepiece-model", file),
        ("--post-process", "sentencepiece"),
    ):
        assert second(interactive(model, tmp_path, *options_given)[0]["D"]) == found, options_given


def test_options_that_say_the_same_change_nothing(model: Trained, tmp_path: Path, texts: list[str]) -> None:
    codes = ("--bpe", "subword_nmt", "--bpe-codes", model.codes)
    for given in (
        ("--tokenizer", "moses"),
        ("--tokenizer", "moses", *codes),
        ("--text-pipeline", model.data / FILE_NAME),
        ("--post-process", "subword_nmt"),
    ):
        assert second(interactive(model, tmp_path, *given)[0]["D"]) == texts, given
    for arguments in ({"tokenizer": "moses"}, {"tokenizer": "moses", "bpe_codes": model.codes}):
        assert [one.text for one in Translator(model.checkpoint, **arguments).translate(TYPED)] == texts


def test_options_that_contradict_are_refused(model: Trained, tmp_path: Path) -> None:
    (tmp_path / "codes").write_text("#version: 0.2\nt h\n")
    others, own = tmp_path / "codes", model.codes
    way_out = "add --text-pipeline none to prepare text by your own options alone"
    for given, message in (
        (("--tokenizer", "nltk"), f"the tokenizer nltk is not the one of the model's text pipeline .*{way_out}"),
        (("--tokenizer", "moses", "--moses-no-escape"), "the tokenizer moses-no-escape is not the one"),
        (("--bpe", "subword_nmt", "--bpe-codes", own), f"without a tokenizer is for tokenised text, .*{way_out}"),
        (
            ("--tokenizer", "moses", "--bpe", "subword_nmt", "--bpe-codes", others),
            "codes .* are not those of the model",
        ),
        (("--post-process", "sentencepiece"), "--post-process sentencepiece .* does not join the subwords"),
        (("--post-process", "none"), "--post-process none .* does not join the subwords"),
        (("--bpe", "gpt2"), "--bpe gpt2 is not in the model's text pipeline"),
    ):
        with pytest.raises(OptionError, match=message):
            interactive(model, tmp_path, *given)
    for arguments, message in (
        ({"tokenizer": "space"}, "the tokenizer space is not the one of the model's text pipeline"),
        ({"bpe_codes": own}, "without a tokenizer is for tokenised text"),
        ({"tokenizer": "moses", "bpe_codes": others}, r"codes \(subword-nmt,.*\) are not those of the model"),
        ({"text_pipeline": tmp_path / "none"}, "text_pipeline .*none: there is no such file"),
    ):
        with pytest.raises(OptionError, match=message):
            Translator(model.checkpoint, **arguments)


def test_text_that_is_prepared_already_can_be_given(model: Trained, tmp_path: Path, texts: list[str]) -> None:
    subwords = (model.data.parent / "test.en").read_text().splitlines()
    found = [one.text for one in Translator(model.checkpoint, text_pipeline="none").translate(subwords)]
    assert [model.pipeline.text(line) for line in found] == texts and "@@" in " ".join(found)
    command = ("generate", model.data, *PLUGIN, *LANGUAGES, "--path", model.checkpoint, "--cpu", "--num-workers", 0)
    printed = by_sentence(run(*command, "--text-pipeline", "none"))
    assert second(printed["D"]) == found == second(printed["H"])
    assert [printed["S"][number][0] for number in range(3)] == subwords, "as fairseq-cmlm distill reads it"


def test_an_older_checkpoint_works_as_before(model: Trained, tmp_path: Path, texts: list[str]) -> None:
    old = rewritten(model, tmp_path / "old.pt", None)
    subwords = (model.data.parent / "test.en").read_text().splitlines()
    found = Translator(old, model.data).translate(subwords)
    assert [model.pipeline.text(one.text) for one in found] == texts
    raw = Translator(old, model.data, tokenizer="moses", bpe_codes=model.codes).translate(ENGLISH)
    assert [one.text for one in raw] == texts
    given = Translator(old, model.data, text_pipeline=model.data / FILE_NAME).translate(TYPED)
    assert [one.text for one in given] == texts
    mixed = Translator([old, model.checkpoint], model.data).translate(TYPED)
    assert [one.text for one in mixed] == texts, "an ensemble in which one model knows"
    printed, _ = interactive(model._replace(checkpoint=old), tmp_path, "--text-pipeline", model.data / FILE_NAME)
    assert second(printed["D"]) == texts


def other_text(model: Trained) -> TextPipeline:
    """A pipeline that does not normalise."""
    subwords = model.pipeline.ends[0].subwords
    return TextPipeline({name: Side(name, (), "moses", subwords) for name in ("en", "ro")})


def test_two_ways_to_prepare_text_are_refused(model: Trained, tmp_path: Path) -> None:
    other = rewritten(model, tmp_path / "other.pt", to_json(other_text(model)))
    message = "prepare text in two ways: en-ro.normalise:none.* and "
    with pytest.raises(TextError, match=f"the checkpoint and another {message}"):
        Translator([model.checkpoint, other], with_dictionaries(model, tmp_path))
    with pytest.raises(TextError, match=f"the checkpoint and .*data {message}"):
        Translator(other, model.data)
    with pytest.raises(TextError, match=f"the checkpoint and --text-pipeline .*text.json {message}"):
        Translator(other, model.data, text_pipeline=model.data / FILE_NAME)
    with pytest.raises(CheckpointError, match=r"other\.pt and .*last\.pt prepare text in two ways"):
        average([model.checkpoint, other], tmp_path / "mean.pt")
    same = rewritten(model, tmp_path / "same.pt", to_json(model.pipeline))
    average([model.checkpoint, same], tmp_path / "mean.pt")  # though only one tells how long its texts were
    command = ("--restore-file", other, "--save-dir", tmp_path / "new")
    with pytest.raises(TextError, match=f"the checkpoint and .*data {message}"):
        train(model.data, tmp_path / "new", *LANGUAGES, *command, updates=40)
    with pytest.raises(CheckpointError, match=rf"--init-from .*other\.pt: the checkpoint and .*data {message}"):
        train(model.data, tmp_path / "new", *LANGUAGES, "--init-from", other, updates=1)


def with_dictionaries(model: Trained, folder: Path) -> Path:
    """A data folder that tells nothing of text."""
    folder.mkdir(exist_ok=True)
    for language in ("en", "ro"):
        shutil.copy(model.data / f"dict.{language}.txt", folder)
    return folder


def test_what_is_made_of_a_checkpoint_carries_the_pipeline(model: Trained, tmp_path: Path, texts: list[str]) -> None:
    average([model.checkpoint, model.checkpoint], tmp_path / "mean.pt")
    assert [one.text for one in Translator(tmp_path / "mean.pt", model.data).translate(TYPED)] == texts
    silent = with_dictionaries(model, tmp_path / "silent")
    for file in model.data.glob("train.*"):
        shutil.copy(file, silent)
    train(silent, tmp_path / "warm", *LANGUAGES, "--init-from", model.checkpoint, updates=1)
    shutil.copytree(model.checkpoint.parent, tmp_path / "resumed", ignore=shutil.ignore_patterns("data"))
    train(silent, tmp_path / "resumed", *LANGUAGES, "--lr", "1e-2", updates=31)
    for name in ("warm", "resumed"):
        kept = torch.load(tmp_path / name / "checkpoint_last.pt")["task_state"][STATE]
        assert from_json(kept, "it") == model.pipeline, name


def test_training_may_name_the_pipeline_or_have_none(model: Trained, tmp_path: Path) -> None:
    write_pipeline(tmp_path / "other.json", other_text(model))
    train(model.data, tmp_path / "named", *LANGUAGES, "--text-pipeline", tmp_path / "other.json", updates=1)
    (tmp_path / "other.json").unlink()
    kept = torch.load(tmp_path / "named" / "checkpoint_last.pt")["task_state"][STATE]
    assert from_json(kept, "it") == other_text(model)
    silent = with_dictionaries(model, tmp_path / "silent")
    assert Translator(tmp_path / "named" / "checkpoint_last.pt", silent)._task.text == other_text(model)
    hub = CMLMModel.from_pretrained(str(tmp_path / "named"), "checkpoint_last.pt", str(silent))
    assert hub.task.text == other_text(model), "the file of the training is gone"
    train(model.data, tmp_path / "none", *LANGUAGES, "--text-pipeline", "none", updates=1)
    assert torch.load(tmp_path / "none" / "checkpoint_last.pt")["task_state"] == {"longest": [34, 10]}


def test_a_pipeline_that_cannot_be_used_is_named(model: Trained, tmp_path: Path) -> None:
    for text, message in (
        ("{", "the text pipeline of the checkpoint is damaged"),
        (
            '{"format": "fairseq_cmlm text pipeline", "version": 9}',
            "the text pipeline of the checkpoint has the version 9",
        ),
    ):
        with pytest.raises(TextError, match=message):
            Translator(rewritten(model, tmp_path / "other.pt", text), model.data)
    silent = with_dictionaries(model, tmp_path)
    write_pipeline(silent / FILE_NAME, TextPipeline({"en": Side("en"), "de": Side("de")}))
    with pytest.raises(TextError, match=r"text\.json: the text pipeline has no language 'ro', but en, de"):
        Translator(model.checkpoint, silent)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((), 'Și țara vede câinele "mare"...'),
        (("--eval-bleu-detok", "moses"), None),
        (("--eval-bleu-remove-bpe", "subword_nmt"), None),
    ],
)
def test_bleu_in_training_is_that_of_text(model: Trained, given: tuple[str, ...], text: Optional[str]) -> None:
    words = [str(model.data), *PLUGIN, *LANGUAGES, *TINY, "--eval-bleu", *given]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), words))
    task = tasks.setup_task(cfg.task)
    task.build_model(cfg.model)
    found = task.tokenizer.decode(model.pipeline.target(ROMANIAN[0]))
    assert found == text if text else "@@" in found


def test_models_of_fairseqs_own_tasks_are_given_the_file(
    model: Trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--tokenizer text_pipeline: the teacher's commands join text as the CMLM's do."""
    parser = options.get_interactive_generation_parser()
    words = [
        str(model.data),
        "--user-dir",
        USER_DIR,
        "--task",
        "translation",
        *LANGUAGES,
        "--path",
        str(model.checkpoint),
    ]
    words += ["--tokenizer", "text_pipeline", "--text-pipeline", str(model.data / FILE_NAME)]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, words))
    monkeypatch.setattr(sys, "argv", ["bin/fairseq-generate"])
    tokenizer = tasks.setup_task(cfg.task).build_tokenizer(cfg.tokenizer)
    assert capsys.readouterr().out == f"# text {model.pipeline.signature}\n"
    assert tokenizer.encode(TYPED[0]) == model.pipeline.source(ENGLISH[0])
    assert tokenizer.decode(model.pipeline.target(ROMANIAN[2])) == "Și țara - mare"
    cfg.tokenizer.text_pipeline = None
    with pytest.raises(OptionError, match="--tokenizer text_pipeline needs --text-pipeline FILE"):
        tasks.setup_task(cfg.task).build_tokenizer(cfg.tokenizer)


@pytest.mark.parametrize(("name", "joined"), [("subword_nmt", True), ("sentencepiece", None)])
def test_what_fairseq_joined_is_not_joined_again(model: Trained, name: str, joined: Optional[bool]) -> None:
    given = ("--tokenizer", "text_pipeline", "--text-pipeline", str(model.data / FILE_NAME), "--post-process", name)
    words = [str(model.data), "--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--path", "-", *given]
    parser = options.get_interactive_generation_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, words))
    task = tasks.setup_task(cfg.task)
    if joined:
        assert task.build_tokenizer(cfg.tokenizer).decode("a@@ b c") == "a@@ b c"
    else:
        with pytest.raises(OptionError, match=rf"--post-process {name} .* does not join the subwords"):
            task.build_tokenizer(cfg.tokenizer)


def test_data_folders_must_prepare_text_alike(tmp_path: Path) -> None:
    sides = {"moses": Side("en", ("nfc",), "moses"), "none": Side("en", ())}
    for folder, name in (("first", "moses"), ("second", "moses"), ("third", "none")):
        (tmp_path / folder).mkdir()
        write_pipeline(tmp_path / folder / FILE_NAME, TextPipeline({"en": sides[name], "ro": Side("ro")}))

    def of(*folders: str) -> Optional[TextPipeline]:
        data = ":".join(str(tmp_path / folder) for folder in folders)
        return folder_pipeline(SimpleNamespace(data=data, text_pipeline=None, source_lang="en", target_lang="ro"))

    assert of("nowhere") is None
    assert of("first", "second") == of("nowhere", "first") == of("first")
    with pytest.raises(TextError, match=r"third/text\.json and the folders before it prepare text in two ways"):
        of("first", "third")
