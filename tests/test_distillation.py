from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable

import pytest
from fairseq_commands import LANGUAGES, USER_DIR, by_sentence, preprocess, run

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.distillation import listed

SOURCE = ["a b@@ c", "d", "", "e f </s> g"]
DONE = "Generate train with beam=5: BLEU4 = 0.00, 10.2/0.0/0.0/0.0 (BP=1.000, ratio=1.035, syslen=59, reflen=57)\n"
LOGGED = "2026-01-01 00:00:00 | INFO | fairseq_cli.generate | Translated 1,004 sentences (9 tokens) in 0.1s\n"


def output(translations: Iterable[tuple[int, str]], sources: list[str] = SOURCE, done: bool = True) -> str:
    """What fairseq-generate prints."""
    lines = [
        f"S-{number}\t{sources[number]}\nH-{number}\t-0.5\t{text}\nD-{number}\t-0.5\t{text}\nP-{number}\t-1.0\n"
        for number, text in translations
    ]
    return "".join(lines) + DONE * done


def distill(folder: Path, *outputs: str, source: list[str] = SOURCE, more: tuple[str, ...] = ()) -> list[str]:
    """Run the command on `outputs`; the lines of its translations."""
    folder.mkdir(exist_ok=True)
    (folder / "train.en").write_text("".join(f"{line}\n" for line in source))
    names = []
    for number, text in enumerate(outputs):
        (folder / f"{number}.out").write_text(text)
        names.append(str(folder / f"{number}.out"))
    options = ["--source", str(folder / "train.en"), "-s", "en", "-t", "de", "--output", str(folder / "new" / "train")]
    main(["distill", *names, *options, *more])
    return (folder / "new" / "train.de").read_text().splitlines()


def test_shards_of_a_teacher_become_a_corpus_that_preprocess_takes(
    data: Path, text: Path, teacher: Path, tmp_path: Path
) -> None:
    options = ("--user-dir", USER_DIR, "--task", "translation", "--path", teacher / "checkpoint4.pt", "--cpu")
    options += ("--gen-subset", "test", "--batch-size", 3, "--num-workers", 0, "--distributed-world-size", 2)
    printed = [run("generate", data, *LANGUAGES, *options, "--distributed-rank", rank) for rank in (0, 1)]
    # On the command line the log goes elsewhere.
    printed = ["".join(line for line in lines.splitlines(True) if "Translated" not in line) for lines in printed]
    names = [str(tmp_path / f"{rank}.out") for rank in (0, 1)]
    for name, lines in zip(names, printed):
        Path(name).write_text(lines)
    source, prefix = str(text / "test.src"), str(tmp_path / "distilled" / "train")
    main(["distill", *names, "--source", source, "-s", "src", "-t", "tgt", "--output", prefix])
    best = {number: rest for lines in printed for number, rest in by_sentence(lines)["H"].items()}
    found = Path(f"{prefix}.tgt").read_text().split("\n")
    assert len(best) == 17 and found == [*(best[number][0].split("\t")[1] for number in range(17)), ""]
    assert Path(f"{prefix}.src").read_bytes() == (text / "test.src").read_bytes()
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    again = preprocess(tmp_path / "distilled", tmp_path / "data", *dictionaries, splits=("train",))
    assert (again / "train.src-tgt.src.bin").read_bytes() == (data / "test.src-tgt.src.bin").read_bytes()
    with pytest.raises(
        SystemExit, match=r"of the 17 lines of .*, \d sentences \(.* from 0\) have .*: a shard is missing"
    ):
        main(["distill", names[0], "--source", source, "-s", "src", "-t", "tgt", "--output", prefix + "2"])


def test_the_order_is_that_of_the_text_and_the_best_is_taken(tmp_path: Path) -> None:
    printed = output([(3, "three"), (1, "o@@ ne"), (0, "zero"), (2, "two")])
    printed = printed.replace("P-1", "H-1\t-0.7\tsecond best\nD-1\t-0.7\tsecond best\nP-1")
    assert distill(tmp_path, printed) == ["zero", "o@@ ne", "two", "three"]
    assert (tmp_path / "new" / "train.en").read_bytes() == (tmp_path / "train.en").read_bytes()


def test_empty_translations_are_kept_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert distill(tmp_path, output([(3, "three"), (1, "")]), output([(2, ""), (0, "zero")])) == [
        "zero",
        "",
        "",
        "three",
    ]
    assert "empty   the translations of 2 sentences (1-2 counted from 0): empty lines" in capsys.readouterr().out


def test_the_length_is_told_beside_that_of_the_human_translations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [output([(0, "one two"), (1, "")]), output([(2, "o@@ ne"), (3, "three")])]
    for name in ("without", "with"):
        (tmp_path / name).mkdir()
    distill(tmp_path / "without", *shards)
    assert "human" not in capsys.readouterr().out
    distill(tmp_path / "with", *(re.sub(r"^H-(\d+)", r"T-\1\ta b@@ c d\nH-\1", shard, flags=re.M) for shard in shards))
    assert "length  0.312 of the human translations: 5 and 16 tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (
            [output([(0, "zero"), (1, "one")]), output([(1, "one"), (2, "two"), (3, "three")])],
            r"0\.out and .*1\.out both translate 1 sentence \(1 counted from 0\): .*--distributed-rank",
        ),
        ([output([(0, "zero"), (0, "zero"), (1, "one"), (0, "zero")])], "translates sentence 0 twice"),
        (
            [output([(1, "one")])],
            r"of the 4 lines of .*train\.en, 3 sentences \(0, 2-3 counted from 0\) .*: a shard is",
        ),
        ([output([(1, "one")], done=False) + LOGGED], r"3 sentences \(0, 2-3 .* no translation: a shard is missing"),
        (
            [output([(0, "zero"), (1, "one")]), output([(2, "two")], done=False)],
            r"1 sentence \(3 counted from 0\) have no translation: \S*1\.out ends without the last line of fairseq-gen",
        ),
        ([output([(4, "four")], [*SOURCE, "h"])], r"translates 1 sentence \(4 .*, and .* has 4 lines: another text"),
        ([output([(1, "one")], ["d", "a b@@ c"])], r"sentence 1 \(from 0\) of .* is 'a b@@ c', and in .* 'd': give"),
        ([output([(0, "zero")], ["a bc"])], "holds whole words and no subwords: translate without --post-process"),
        ([output([(0, "zero")]).replace("H-0", "X-0")], "has a D line but no H line for sentence 0"),
    ],
)
def test_what_is_missing_doubled_or_of_another_text_is_refused(
    tmp_path: Path, outputs: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=f"fairseq-cmlm distill: .*{message}"):
        distill(tmp_path, *outputs)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "sources",
    [
        ["a <unk> c", *SOURCE[1:]],
        [*SOURCE[:3], "e f g"],  # fairseq's tasks show no control symbol
        [*SOURCE[:3], "e f <unk> g"],  # --task translation_cmlm reads it as an unknown word
        ["a  b@@ c ", *SOURCE[1:]],
    ],
)
def test_the_text_is_known_again_as_fairseq_shows_it(tmp_path: Path, sources: list[str]) -> None:
    translations = [(number, f"t{number}") for number in range(4)]
    assert distill(tmp_path, output(translations, sources)) == ["t0", "t1", "t2", "t3"]


def test_an_output_with_bpe_undone_in_all_but_the_h_lines_is_taken(tmp_path: Path) -> None:
    printed = output([(0, "z@@ ero"), (1, "one"), (2, "two"), (3, "three")], ["a bc", *SOURCE[1:]])
    printed = printed.replace("D-0\t-0.5\tz@@ ero", "D-0\t-0.5\tzero")
    assert distill(tmp_path, printed)[0] == "z@@ ero"


def test_of_several_hypotheses_the_one_most_like_the_human_translation(tmp_path: Path) -> None:
    several = {0: ["x y z w", "a b@@ c d f", "a b@@ c d"], 1: ["one", "one"], 2: ["", "t"], 3: ["p q"]}
    printed = output([(number, text) for number, texts in several.items() for text in texts])
    (tmp_path / "human").write_text("a b@@ c d f\none\nt\n\n")
    best = ["x y z w", "one", "", "p q"]
    assert distill(tmp_path / "best", printed) == best
    found = distill(tmp_path / "like", printed, more=("--reference", str(tmp_path / "human")))
    assert found == ["a b@@ c d f", "one", "t", "p q"]
    with pytest.raises(SystemExit, match=r"human has 4 lines and .* 3: they are not parallel"):
        distill(tmp_path / "short", printed, source=SOURCE[:3], more=("--reference", str(tmp_path / "human")))


def test_a_source_in_its_place_already_stays(tmp_path: Path) -> None:
    (tmp_path / "train.en").write_text("x\n")
    (tmp_path / "out").write_text(output([(0, "y")], ["x"]))
    prefix = str(tmp_path / "train")
    main(["distill", str(tmp_path / "out"), "--source", f"{prefix}.en", "-s", "en", "-t", "de", "--output", prefix])
    assert (tmp_path / "train.en").read_text() == "x\n" and (tmp_path / "train.de").read_text() == "y\n"
    with pytest.raises(SystemExit, match=r"train\.de exists already"):
        main(["distill", str(tmp_path / "out"), "--source", f"{prefix}.en", "-s", "en", "-t", "de", "--output", prefix])


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3], "1 sentence (3 counted from 0)"),
        ([5, 3, 4, 8], "4 sentences (3-5, 8 counted from 0)"),
        (range(0, 24, 2), "12 sentences (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, ... counted from 0)"),
    ],
)
def test_sentences_are_listed_in_runs(numbers: list[int], expected: str) -> None:
    assert listed(numbers) == expected
