"""The command, on the tests' models, against fairseq-generate and sacreBLEU."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, USER_DIR, by_sentence, generate, preprocess, run
from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm import Translator
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.decoding.chrf import agreement
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments import report as report_module
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.rescored import Rescored
from fairseq_cmlm.experiments.timing import by_batch
from fairseq_cmlm.generated import decoding_of

Lines = dict[str, dict[int, list[str]]]


class Text(NamedTuple):
    """17 sentences whose references are 1, 2 or 3 times as long as a right translation; data holds the same."""

    source: Path
    reference: Path
    data: Path

    @property
    def arguments(self) -> list[str]:
        """The texts, as options of the command."""
        return ["--source", str(self.source), "--reference", str(self.reference)]

    @property
    def references(self) -> list[str]:
        """The lines of the reference."""
        return self.reference.read_text().splitlines()


@pytest.fixture(scope="module")
def lengthy(text: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Text:
    folder = tmp_path_factory.mktemp("lengthy")
    shutil.copy(text / "test.src", folder)
    lines = (text / "test.tgt").read_text().splitlines()
    (folder / "test.tgt").write_text("".join(" ".join([line] * (1 + i % 3)) + "\n" for i, line in enumerate(lines)))
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    binarised = preprocess(folder, folder / "data", *dictionaries, splits=("test",))
    return Text(folder / "test.src", folder / "test.tgt", binarised)


def reported(*arguments: object) -> dict[str, Any]:
    """report.json after `fairseq-cmlm report`; the last argument is the output folder."""
    main(["report", *map(str, arguments[:-1]), "--output", str(arguments[-1])])
    found: dict[str, Any] = json.loads(Path(str(arguments[-1]), "report.json").read_text())
    return found


def column(found: dict[str, Any], table: str, name: str) -> list[Any]:
    return [row[name] for row in found["tables"][table]["rows"]]


def texts(lines: Lines) -> list[str]:
    """The best translation of each sentence."""
    return [lines["D"][i][0].split("\t")[1] for i in range(len(lines["D"]))]


def bleu(hypotheses: list[str], references: list[str]) -> float:
    score: float = BLEU(tokenize="none", force=True).corpus_score(hypotheses, [references]).score
    return score


def changed(checkpoint: Path, path: Path) -> Path:
    """The model with noise on its parameters."""
    state = torch.load(checkpoint)
    torch.manual_seed(1)
    for name, value in state["model"].items():
        if value.is_floating_point():
            state["model"][name] = value + 0.05 * torch.randn_like(value)
    torch.save(state, path)
    return path


def test_passes_and_the_autoregressive_baseline(checkpoint: Path, teacher: Path, lengthy: Text, tmp_path: Path) -> None:
    best = teacher / "checkpoint_best.pt"
    found = reported(checkpoint, *lengthy.arguments, "--teacher", best, "--tables", "iterations", tmp_path)
    options = [
        ("--decoding-iterations", passes, "--length-prior", prior, "--print-step")
        for prior in (0, 1)
        for passes in (1, 4, 10, 0)
    ]
    expected = [generate(lengthy.data, checkpoint, *one) for one in options]
    plain = ("--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--cpu", "--num-workers", 0, "--path", best)
    expected += [by_sentence(run("generate", lengthy.data, *plain, "--beam", beam)) for beam in (1, 5)]
    scores = [bleu(texts(lines), lengthy.references) for lines in expected]
    assert column(found, "iterations", "BLEU") == pytest.approx(scores)
    chrf = [CHRF().corpus_score(texts(lines), [lengthy.references]).score for lines in expected]
    assert column(found, "iterations", "chrF") == pytest.approx(chrf)
    assert len({round(score, 6) for score in chrf}) > 3, "the cases cannot be told apart"
    assert scores[:4] != scores[4:8]
    passes = [[int(lines["I"][i][0]) for i in range(17)] for lines in expected[:8]]
    passes += [[len(lines["P"][i][0].split()) for i in range(17)] for lines in expected[8:]]
    assert column(found, "iterations", "passes") == pytest.approx([sum(one) / 17 for one in passes])


def test_length_candidates_and_gold_lengths(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    found = reported(checkpoint, *lengthy.arguments, "--tables", "candidates", tmp_path)
    wanted = [len(line.split()) + 1 for line in lengthy.references]
    translator, sources = Translator(checkpoint, lengthy.data), lengthy.source.read_text().splitlines()
    for size in (1, 4, 9):
        lines = generate(lengthy.data, checkpoint, "--length-beam", size, "--length-prior", 0)
        found_lengths = [
            [candidate.length for candidate in one.candidates]
            for one in translator.translate(sources, length_beam=size, length_prior=0)
        ]
        hits = [wanted[i] in found_lengths[i] for i in range(17)]
        assert 0 < sum(hits) < 17
        assert column(found, "candidates", "length accuracy %")[size - 1] == pytest.approx(100 * sum(hits) / 17)
        assert column(found, "candidates", "BLEU")[size - 1] == pytest.approx(bleu(texts(lines), lengthy.references))
    gold = generate(lengthy.data, checkpoint, "--gold-target-length", "--length-beam", 1)
    assert column(found, "candidates", "BLEU")[9] == pytest.approx(bleu(texts(gold), lengthy.references))
    (cell,) = (tmp_path / "cells").glob("*gold*")
    assert [len(line) + 1 for line in json.loads(cell.read_text())["tokens"]] == wanted


def test_the_passes_of_candidates_that_were_given_up_count(
    checkpoint: Path, lengthy: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, read = Masked(checkpoint, lengthy.data), []
    features = system.loaded.model.decoder.features

    def counted(canvas: torch.Tensor, *rest: Any) -> Any:
        read.append(len(canvas))
        return features(canvas, *rest)

    monkeypatch.setattr(system.loaded.model.decoder, "features", counted)
    job = system.job(Decoding.of(halve_candidates=1, length_beam=4), threads=1)
    batch = [Sentence(line.split(), []) for line in lengthy.source.read_text().splitlines()]
    prepared = job.prepare(batch)
    done = job.finish(batch, prepared, job.work(prepared))
    assert all(len(one.passes) == 4 and len(one.lengths) == 1 for one in done)
    assert sum(sum(one.passes) for one in done) == sum(read) < 17 * 4 * 10


def test_the_choice_among_candidates(checkpoint: Path, teacher: Path, lengthy: Text, tmp_path: Path) -> None:
    best = teacher / "checkpoint_best.pt"
    given = ("--rescore-with", best, "--teacher", best, "--length-beam", 3)
    found = reported(checkpoint, *lengthy.arguments, *given, "--tables", "choice", tmp_path)
    rows = {
        (row["T"], row["chosen by"], row["planned by"], row["l or beam"]): row
        for row in found["tables"]["choice"]["rows"]
    }
    for key, options in (
        (("4", "confidence", "confidence", 3), ()),
        (("4", "consensus", "confidence", 3), ("--choose-by", "consensus")),
        (("4", "autoregressive", "confidence", 3), ("--rescore-with", best)),
        (("4", "autoregressive", "autoregressive", 3), ("--rescore-with", best, "--plan-with", best)),
    ):
        lines = generate(lengthy.data, checkpoint, "--length-beam", 3, "--decoding-iterations", 4, *options)
        assert rows[key]["BLEU"] == pytest.approx(bleu(texts(lines), lengthy.references))
    # Of the plain candidates, those most like the references.
    found_candidates = Translator(checkpoint, lengthy.data).translate(
        lengthy.source.read_text().splitlines(), length_beam=3, iterations=4
    )
    oracle = [
        max((one.text for one in each.candidates), key=lambda text: CHRF().sentence_score(text, [reference]).score)
        for each, reference in zip(found_candidates, lengthy.references)
    ]
    assert rows["4", "oracle", "confidence", 3]["BLEU"] == pytest.approx(bleu(oracle, lengthy.references))
    assert rows["4", "oracle", "confidence", 3]["chrF"] > rows["4", "confidence", "confidence", 3]["chrF"]
    rescored = [row for row in found["tables"]["choice"]["rows"] if row["system"] == "autoregressive, rescored"]
    assert [row["chosen by"] for row in rescored] == ["-", "oracle"]
    assert f"rescore_with:{best.name}@" in rows["4", "autoregressive", "confidence", 3]["decoding"]


def test_beam_search_can_be_chosen_by_consensus(checkpoint: Path, teacher: Path, lengthy: Text) -> None:
    search = Autoregressive(teacher / "checkpoint4.pt", lengthy.data)
    sentences = [Sentence(line.split(), ["a"]) for line in lengthy.source.read_text().splitlines()]
    systems = {
        weight: Rescored.of(search, Masked(checkpoint, lengthy.data), {"consensus": weight}) for weight in (1e-6, 1e6)
    }
    found = {}
    for weight, system in systems.items():
        case = Case("rescored", BeamSearch(beam=5), batch_size=8)
        (found[weight],) = decode([case], {"rescored": system}, sentences, 1).values()
    cell = found[1e6]
    # What is longer than the masked model writes is no candidate of it.
    sane = [i for i, lengths in enumerate(cell.lengths) if max(lengths) < 40]
    agreed = [agreement([cell.texts[i], *cell.others[i]]) for i in sane]
    assert len(sane) > 5 and all(scores[0] >= max(scores) - 1e-6 for scores in agreed)
    assert found[1e6].texts != found[1e-6].texts and systems[1e6].digest != systems[1e-6].digest


def test_another_rescorer_is_another_cell(
    checkpoint: Path, teacher: Path, lengthy: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, model = decodings(monkeypatch), tmp_path / "teacher.pt"
    arguments = (checkpoint, *lengthy.arguments, "--rescore-with", model, "--tables", "lengths", tmp_path / "report")
    for epoch in (4, 4, 1):
        shutil.copy(teacher / f"checkpoint{epoch}.pt", model)
        reported(*arguments)
    assert len(done) == 3 + 3


def test_target_lengths_and_repetition(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    found = reported(checkpoint, *lengthy.arguments, "--tables", "repetition", "lengths", tmp_path)
    lines = texts(generate(lengthy.data, checkpoint, "--decoding-iterations", 4, "--length-prior", 0))
    words = [word for line in lines for word in ("", *line.split())]  # "" between sentences
    repeated = sum(a == b for a, b in zip(words, words[1:])) / sum(word != "" for word in words)
    assert column(found, "repetition", "repeated %")[3] == pytest.approx(100 * repeated)
    lengths = [len(line.split()) for line in lengthy.references]
    for row, (low, high) in enumerate([(1, 9), (10, 19), (20, 29)]):
        chosen = [i for i in range(17) if low <= lengths[i] <= high]
        assert column(found, "lengths", "sentences")[row] == len(chosen)
        score = bleu([lines[i] for i in chosen], [lengthy.references[i] for i in chosen]) if chosen else None
        assert column(found, "lengths", "T=4")[row] == pytest.approx(score)
    assert sum(count > 0 for count in column(found, "lengths", "sentences")) > 1


def test_models_side_by_side(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    other = changed(checkpoint, tmp_path / "other.pt")
    compare = ("--name", "distilled", "--compare", f"raw={other}", "--data", lengthy.data)
    found = reported(checkpoint, *lengthy.arguments, *compare, "--tables", "comparison", tmp_path / "report")
    for name, path in (("distilled", checkpoint), ("raw", other)):
        scores = []
        for passes in (1, 4, 10):
            lines = generate(lengthy.data, path, "--decoding-iterations", passes, "--length-prior", 0)
            scores.append(bleu(texts(lines), lengthy.references))
        assert column(found, "comparison", f"{name}, BLEU") == pytest.approx(scores)
    assert column(found, "comparison", "raw, BLEU") != column(found, "comparison", "distilled, BLEU")


def test_speed(checkpoint: Path, teacher: Path, lengthy: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decodings(monkeypatch)
    best = teacher / "checkpoint_best.pt"
    options = ("--teacher", best, "--tables", "speed", "--rounds", "2", "--batch-size", "9")
    found = reported(checkpoint, *lengthy.arguments, *options, tmp_path)
    for row in found["tables"]["speed"]["rows"][1:]:
        assert row["seconds"] > 0 and row["least"] <= row["x"] <= row["greatest"]
    options = ("--decoding-iterations", 8, "--length-beam", 2, "--length-prior", 0)
    lines = generate(lengthy.data, checkpoint, *options)
    row = next(row for row in found["tables"]["speed"]["rows"] if (row["T"], row["l or beam"]) == ("8", 2))
    assert row["BLEU"] == pytest.approx(bleu(texts(lines), lengthy.references))
    assert "iterations:8|mask_schedule:linear|length_beam:2|length_prior:0|" in row["decoding"]
    cells = [json.loads(path.read_text()) for path in (tmp_path / "cells").glob("*timed*")]
    assert len(cells) == 10 and all(len(cell["seconds"]) == len(cell["peer"]) == 2 for cell in cells)


def decodings(monkeypatch: pytest.MonkeyPatch, stop_after: int = 99) -> list[int]:
    """A list that grows with every cell decoded; after so many, Ctrl-C is pressed."""
    done: list[int] = []
    decode = report_module.decode

    def counted(cases: Any, *arguments: Any, **options: Any) -> Any:
        if len(done) == stop_after:
            raise KeyboardInterrupt
        # What is timed is warm, and takes turns with its peer batch after batch.
        assert options["warm_up"] == cases[0].timed and options["order"] is by_batch
        done.append(1)
        return decode(cases, *arguments, **options)

    monkeypatch.setattr(report_module, "decode", counted)
    return done


def test_an_interrupted_report_goes_on(
    checkpoint: Path, lengthy: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (*lengthy.arguments, "--tables", "iterations", "repetition")
    with monkeypatch.context() as patched:
        decodings(patched, stop_after=9)
        with pytest.raises(SystemExit, match=r"report: interrupted; the same command goes on with what is in .*parted"):
            reported(checkpoint, *options, tmp_path / "parted")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "parted" / "cells").iterdir()}
    assert len(kept) == 9
    assert "## BLEU by the number of passes" in (tmp_path / "parted" / "report.md").read_text()
    assert "[10/11] model T=3,l=5" in capsys.readouterr().err

    done = decodings(monkeypatch)
    resumed = reported(checkpoint, *options, tmp_path / "parted")
    assert len(done) == 2 and "[1/2] model T=3,l=5" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert resumed["tables"] == reported(checkpoint, *options, tmp_path / "whole")["tables"]
    assert len(done) == 2 + 11


def test_cells_follow_the_content_of_the_checkpoint_and_the_text(
    checkpoint: Path, lengthy: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, output, table = decodings(monkeypatch), tmp_path / "report", ("--tables", "lengths", "--data", lengthy.data)
    first = reported(checkpoint, *lengthy.arguments, *table, output)
    moved = shutil.copy(checkpoint, tmp_path / "moved.pt")
    reported(moved, *lengthy.arguments, *table, "--name", "renamed", output)
    assert len(done) == 3
    # Cells tell seconds, which other batches would not have taken.
    reported(moved, *lengthy.arguments, *table, "--name", "renamed", "--batch-size", "3", output)
    assert len(done) == 6
    second = reported(changed(checkpoint, tmp_path / "moved.pt"), *lengthy.arguments, *table, output)
    assert len(done) == 9 and second["tables"] != first["tables"]
    shorter = [tmp_path / "source", tmp_path / "reference"]
    for path, whole in zip(shorter, (lengthy.source, lengthy.reference)):
        path.write_text("".join(whole.read_text().splitlines(keepends=True)[:5]))
    third = reported(checkpoint, "--source", shorter[0], "--reference", shorter[1], *table, output)
    assert len(done) == 12 and sum(column(third, "lengths", "sentences")) == 5


def test_without_matplotlib_all_but_the_plots_is_there(
    checkpoint: Path, lengthy: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    found = reported(checkpoint, *lengthy.arguments, "--tables", "lengths", tmp_path)
    printed = capsys.readouterr()
    assert printed.err.count("no plots: matplotlib is not installed (pip install 'fairseq_cmlm[plots]')") == 1
    assert found["tables"]["lengths"]["rows"] and not (tmp_path / "plots").exists()
    assert printed.out == (tmp_path / "report.md").read_text() + "\n" and "![" not in printed.out
    assert "- scored: tokens as they are\n" in printed.out and "tok:none" in printed.out


def test_plots_are_linked(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    reported(checkpoint, *lengthy.arguments, "--tables", "iterations", "lengths", tmp_path)
    assert "![BLEU by target length](plots/lengths.png)" in (tmp_path / "report.md").read_text()
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["lengths.png"]
    assert (tmp_path / "plots" / "lengths.png").read_bytes()[:4] == b"\x89PNG"


def test_raw_text_is_detokenised(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    codes = tmp_path / "codes"
    codes.write_text("#version: 0.2\nt h\n")
    raw = ("--tokenizer", "moses", "--bpe-codes", codes, "--tables", "lengths")
    found = reported(checkpoint, *lengthy.arguments, *raw, tmp_path / "report")
    assert found["facts"]["scored"] == "detokenised text" and "tok:13a" in found["facts"]["BLEU"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tables", "best"), "--tables best is none of iterations, repetition, lengths"),
        (("--tables", "comparison"), "--tables comparison needs another model: give --compare NAME=CHECKPOINT"),
        (("--compare", "model=x"), "--compare cannot name a model 'model', as another one is called so"),
        (("--name", "autoregressive"), "--name cannot name a model 'autoregressive', as another one"),
        (("--name", "a/b"), "--name cannot name a model 'a/b': a name has letters"),
        (("--rounds", "0"), "--rounds 0 must be at least 1"),
        (("--batch-size", "0"), "--batch-size 0 must be at least 1"),
        (("--target-bpe-codes", "x"), "--target-bpe-codes needs those of the source: give --bpe-codes too"),
        (("--tokenize", "best"), "--tokenize best is none of"),
        (("--teacher", "nowhere"), "--teacher nowhere: there is no such file"),
        (("--compare", "raw=nowhere"), "there is no checkpoint nowhere"),
        (("--tokenizer", "best"), "tokenizer best is none of moses"),
        (("--decoding-strategy", "easy_first", "--tables", "iterations"), "the table 'iterations' varies the passes"),
        (("--length-budget", "3"), "the table 'candidates' cannot be made with these options: .*Leave it out"),
    ],
)
def test_options_that_cannot_work_are_refused(
    checkpoint: Path, lengthy: Text, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        reported(checkpoint, *lengthy.arguments, *arguments, tmp_path)


def test_a_name_without_a_checkpoint_is_refused(lengthy: Text, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        reported("model.pt", *lengthy.arguments, "--compare", "raw", "out")
    assert "'raw' is not NAME=FILE" in capsys.readouterr().err


def test_other_teachers_are_refused(checkpoint: Path, teacher: Path, lengthy: Text, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"--teacher \S*\.pt was trained with --objective cmlm and does not read from"):
        reported(checkpoint, *lengthy.arguments, "--teacher", checkpoint, tmp_path)
    state = torch.load(teacher / "checkpoint_best.pt")
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight"):
        state["model"][name] = state["model"][name][:-8]
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(SystemExit, match=r"--teacher .*other\.pt: it was trained with another source dictionary"):
        reported(checkpoint, *lengthy.arguments, "--teacher", tmp_path / "other.pt", tmp_path)


@pytest.mark.parametrize("side", ["source", "reference"])
def test_a_line_that_is_too_long_is_named(checkpoint: Path, lengthy: Text, tmp_path: Path, side: str) -> None:
    paths = {"source": lengthy.source, "reference": lengthy.reference}
    lines = paths[side].read_text().splitlines()
    lines[3] = "the " * 40
    paths[side] = tmp_path / "long"
    paths[side].write_text("\n".join(lines) + "\n")
    arguments = ("--source", paths["source"], "--reference", paths["reference"], "--tables", "candidates")
    with pytest.raises(
        SystemExit, match=rf"line 4 of the {side} has 41 tokens .* takes at most 40: leave the line out"
    ):
        reported(checkpoint, *arguments, tmp_path / "report")


def test_decoding_options_are_for_all_cells_and_are_told(checkpoint: Path, lengthy: Text, tmp_path: Path) -> None:
    options = ("--length-beam", 3, "--stop-unchanged", 1, "--decoding-dtype", "bfloat16", "--length-prior", 0.5)
    found = reported(checkpoint, *lengthy.arguments, *options, "--tables", "iterations", tmp_path)
    assert column(found, "iterations", "length prior") == [*["0, as in the paper"] * 4, *["0.5"] * 4]
    assert column(found, "iterations", "l or beam") == [3] * 8
    model = (lengthy.data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--num-workers", 0, "--print-step")
    printed = run("generate", *model, *options, "--decoding-iterations", 4)
    lines = by_sentence(printed)
    assert decoding_of(printed.splitlines()) == column(found, "iterations", "decoding")[5]
    assert column(found, "iterations", "BLEU")[5] == pytest.approx(bleu(texts(lines), lengthy.references))
    passes = [int(lines["I"][i][0]) for i in range(17)]
    assert column(found, "iterations", "passes")[5] == pytest.approx(sum(passes) / 17)
    given = "length_beam:3|length_prior:0.5|dtype:bfloat16|stop_unchanged:1"
    assert given in found["facts"]["decoding"] and given in column(found, "iterations", "decoding")[5]
