"""fairseq-cmlm prepare and text, as commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from sentencepiece_model import write_model

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.text import parallel
from fairseq_cmlm.text.pipeline_file import read_pipeline

ENGLISH = ["A man’s “dog” sees the boat…", "The big dog\tand\xa0the boat", "dogs"]
GERMAN = ["„Der“ Hund sieht das Boot – fu\u0308r immer", "Der große Hund und das Boot", "Hunde"]


def write_text(folder: Path, english: list[str] = ENGLISH, german: list[str] = GERMAN) -> Path:
    folder.mkdir(exist_ok=True)
    for split, times in (("train", 20), ("valid", 1), ("test", 1)):
        for language, lines in (("en", english), ("de", german)):
            (folder / f"{split}.{language}").write_text("".join(f"{line}\n" for line in lines * times))
    return folder


def prepare(folder: Path, *options: object, work: str = "work") -> None:
    words = ["prepare", folder / "raw", folder / work, "-s", "en", "-t", "de", "--workers", 1, *options]
    main([str(word) for word in words])


@pytest.fixture
def binarised(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words that fairseq-preprocess, which takes seconds and writes dictionaries alone here, would have got."""
    calls: list[list[str]] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(words)
        given = dict(zip(words, words[1:]))
        folder = Path(given["--destdir"])
        folder.mkdir()
        for flag in ("--source-lang", "--target-lang"):
            (folder / f"dict.{given[flag]}.txt").touch()
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr("fairseq_cmlm.text.prepare.subprocess.run", run)
    return calls


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_raw_text_becomes_data_and_a_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    work, printed = tmp_path / "work", capsys.readouterr().out
    assert "tokens/train: kept 60 of 60 pairs; left out: none\n" in printed
    assert "[de] " in printed and "0.0% replaced" in printed
    assert lines_of(work / "tokens" / "test" / "en")[:2] == [
        "A man &apos;s &quot; dog &quot; sees the boat ...",
        "The big dog and the boat",
    ]
    pipeline = read_pipeline(work / "data" / "text.json")
    assert pipeline == read_pipeline(work / "text.json")
    assert list(pipeline.sides) == ["en", "de"] and pipeline.ends[0].subwords == pipeline.ends[1].subwords
    # Inference reads what the training read.
    assert [pipeline.source(line) for line in ENGLISH] == lines_of(work / "bpe" / "test.en")
    assert [pipeline.target(line) for line in GERMAN] == lines_of(work / "bpe" / "test.de")
    assert lines_of(work / "data" / "dict.en.txt") == lines_of(work / "data" / "dict.de.txt"), "joined"
    for split in ("train", "valid", "test"):
        assert (work / "data" / f"{split}.en-de.en.bin").is_file()


@pytest.mark.usefixtures("binarised")
def test_what_stands_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    capsys.readouterr()
    prepare(tmp_path, "--merges", 30)
    assert capsys.readouterr().out == f"{tmp_path}/work: nothing to do\n"
    (tmp_path / "raw" / "test.de").touch()
    prepare(tmp_path, "--merges", 30)
    made = [
        line.split()[1].removeprefix(f"{tmp_path}/work/").rstrip(":") for line in capsys.readouterr().out.splitlines()
    ]
    assert made == ["tokens/test", "bpe/test.en", "bpe/test.de", "data"]
    with pytest.raises(
        SystemExit, match=r"was prepared with other options \(subwords subword-nmt 30, and subword-nmt 40"
    ):
        prepare(tmp_path, "--merges", 40)
    with pytest.raises(SystemExit, match=r"was prepared with other options \(text en-de\|normalise:nfc"):
        prepare(tmp_path, "--merges", 30, "--normalise", "none")


@pytest.mark.usefixtures("binarised")
def test_other_text_is_prepared_anew_however_old_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    write_text(tmp_path / "raw", ["the cat"], ["die Katze"])
    for file in (tmp_path / "raw").iterdir():
        os.utime(file, (0, 0))
    prepare(tmp_path, "--merges", 30)
    assert lines_of(tmp_path / "work" / "tokens" / "test" / "de") == ["die Katze"]
    with pytest.raises(SystemExit, match=r"with other options \(languages \['en', 'de'\], and \['de', 'en'\] is"):
        prepare(tmp_path, "--merges", 30, "-s", "de", "-t", "en", "--language", "en", "de")


@pytest.mark.usefixtures("binarised")
def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    for folder, held in ((mine, "thesis.txt"), (tmp_path / "raw", "test.de"), (tmp_path / "work", "bpe")):
        with pytest.raises(SystemExit, match=f"{folder} would be written anew and holds {held}"):
            prepare(tmp_path, "--merges", 30, "--destdir", folder)
    assert (mine / "thesis.txt").read_text() == "years of work" and (tmp_path / "raw" / "train.de").exists()
    # An empty one is filled, though it is newer than the text.
    (mine / "thesis.txt").unlink()
    capsys.readouterr()
    prepare(tmp_path, "--merges", 30, "--destdir", mine)
    assert capsys.readouterr().out == f"wrote   {mine}\n" and (mine / "text.json").exists()


@pytest.mark.usefixtures("binarised")
def test_binarised_text_of_others_is_kept(tmp_path: Path) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "train.fr-it.fr.bin").touch()
    with pytest.raises(SystemExit, match=r"shared would be written anew and holds train\.fr-it\.fr\.bin, which is no"):
        prepare(tmp_path, "--merges", 30, "--destdir", shared)
    # A part of the text would take the other parts away.
    (tmp_path / "work" / "data" / "train.en-de.en.idx").touch()
    for language in ("en", "de"):
        (tmp_path / "raw" / f"train.{language}").unlink()
    with pytest.raises(SystemExit, match=r"data holds train, which .*raw has not: give the whole text, or name"):
        prepare(tmp_path, "--merges", 30)
    prepare(tmp_path, "--merges", 30, "--destdir", tmp_path / "other")


def test_each_binarised_text_has_a_dictionary_of_its_own(
    tmp_path: Path, binarised: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    prepare(tmp_path, "--merges", 30, "--dictionary", 1000, "--destdir", tmp_path / "small")
    capsys.readouterr()
    prepare(tmp_path, "--merges", 30)
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"data was prepared with other options \(dictionary -1, and 1000 is wanted\)"):
        prepare(tmp_path, "--merges", 30, "--dictionary", 1000)
    # Given ones are read again when they have changed.
    given = tmp_path / "given"
    given.mkdir()
    for language in ("en", "de"):
        (given / f"dict.{language}.txt").write_text("the 1\n")
    words = ("--merges", 30, "--dictionaries", given, "--destdir", tmp_path / "by-given")
    prepare(tmp_path, *words)
    number = len(binarised)
    prepare(tmp_path, *words)
    assert len(binarised) == number
    later = time.time() + 60
    os.utime(given / "dict.en.txt", (later, later))
    prepare(tmp_path, *words)
    assert len(binarised) == number + 1


@pytest.mark.usefixtures("binarised")
def test_what_failed_may_be_asked_for_otherwise(tmp_path: Path) -> None:
    write_text(tmp_path / "raw")
    with pytest.raises(SystemExit, match="set it to a value"):
        prepare(tmp_path, "--sentencepiece", 5000)
    prepare(tmp_path, "--sentencepiece", 34)
    settings = tmp_path / "work" / "prepared.json"
    settings.write_text("[]")
    with pytest.raises(SystemExit, match=r"prepared\.json is damaged: remove it"):
        prepare(tmp_path, "--sentencepiece", 34)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    write_text(tmp_path / "raw")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "tokens").touch()
    with pytest.raises(SystemExit, match=r"work/tokens/train cannot be written: .*File exists"):
        prepare(tmp_path)


def test_options_beside_a_pipeline_must_be_its_own(tmp_path: Path) -> None:
    write_text(tmp_path / "raw")
    pipeline = tmp_path / "text.json"
    main(["text", str(pipeline), "-s", "en", "-t", "de", "--tokenizer", "moses"])
    for options, message in (
        (("--tokenizer", "none"), "--tokenizer has no effect beside --text-pipeline .*, which has moses"),
        (("--normalise", "nfc"), "--normalise has no effect beside --text-pipeline .*, which has none"),
        (("--strip-diacritics", "de"), "--strip-diacritics has no effect beside --text-pipeline"),
        (("--bpe-codes", pipeline), "--bpe-codes has no effect beside --text-pipeline"),
        (("--target-bpe-codes", pipeline), "--target-bpe-codes has no effect beside --text-pipeline"),
        (("--whole-words",), "--whole-words has no effect beside subwords that are given"),
        (("--language", "fr"), "--language fr has no effect beside --text-pipeline .*, which has en de"),
    ):
        with pytest.raises(SystemExit, match=message):
            prepare(tmp_path, "--text-pipeline", pipeline, *options)


def test_what_was_interrupted_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "raw")

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel.Side, "words", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path, "--merges", 30)
    assert [path.name for path in (tmp_path / "work").rglob("*") if "part" in path.name or path.name == "train"] == []


def test_each_language_may_have_codes_of_its_own(tmp_path: Path, binarised: list[list[str]]) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 12, "--separate", "--strip-diacritics", "de")
    pipeline = read_pipeline(tmp_path / "work" / "data" / "text.json")
    english, german = pipeline.ends
    assert english.subwords != german.subwords and "strip_diacritics" in german.normalise
    assert "strip_diacritics" not in english.normalise
    assert [german.encode(line) for line in GERMAN] == lines_of(tmp_path / "work" / "bpe" / "test.de")
    assert "fur" in lines_of(tmp_path / "work" / "tokens" / "test" / "de")[0].split()
    assert "--joined-dictionary" not in binarised[0]


@pytest.mark.usefixtures("binarised")
def test_sentencepiece_is_learned(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--sentencepiece", 45)
    pipeline = read_pipeline(tmp_path / "work" / "data" / "text.json")
    assert pipeline.signature.startswith("en-de|normalise:nfc|tokenizer:none|subwords:sentencepiece,")
    pieces = lines_of(tmp_path / "work" / "bpe" / "test.de")
    assert [pipeline.target(line) for line in GERMAN] == pieces
    assert [pipeline.text(line) for line in pieces] == ["„Der“ Hund sieht das Boot – für immer", *GERMAN[1:]]
    with pytest.raises(SystemExit, match=r"--sentencepiece 60000: Vocabulary size too high"):
        prepare(tmp_path, "--sentencepiece", 60000, work="other")


def test_text_for_a_trained_model_has_its_pipeline_and_dictionaries(tmp_path: Path, binarised: list[list[str]]) -> None:
    write_text(tmp_path / "raw")
    prepare(tmp_path, "--merges", 30)
    data = tmp_path / "work" / "data"
    for language in ("en", "de"):
        (data / f"dict.{language}.txt").touch()
        for split in ("train", "valid"):
            (tmp_path / "raw" / f"{split}.{language}").unlink()
    prepare(tmp_path, "--text-pipeline", data / "text.json", "--dictionaries", data, work="test")
    assert read_pipeline(tmp_path / "test" / "data" / "text.json") == read_pipeline(data / "text.json")
    assert lines_of(tmp_path / "test" / "bpe" / "test.de") == lines_of(tmp_path / "work" / "bpe" / "test.de")
    first, second = (" ".join(words) for words in binarised)
    assert " --joined-dictionary " in first and " --joined-dictionary " not in second and "--trainpref" not in second
    assert f" --srcdict {data}/dict.en.txt --tgtdict {data}/dict.de.txt --testpref {tmp_path}/test/bpe/test" in second
    with pytest.raises(SystemExit, match="raw has no training text to learn subwords from: give --text-pipeline"):
        prepare(tmp_path, work="other")


@pytest.mark.usefixtures("binarised")
def test_chinese_is_split_into_words(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    chinese = ["上周，古装剧《美人》停播。", "古装剧停播"]
    for language, lines in (("en", ["Last week’s drama", "dramas"]), ("zh", chinese)):
        (raw / f"train.{language}").write_text("".join(f"{line}\n" for line in lines * 9))
    main(["prepare", str(raw), str(tmp_path / "work"), "-s", "en", "-t", "zh", "--merges", "5", "--separate"])
    side = read_pipeline(tmp_path / "work" / "data" / "text.json").sides["zh"]
    assert (side.normalise, side.tokeniser) == (("nfc",), "jieba")
    assert lines_of(tmp_path / "work" / "tokens" / "train" / "zh")[0] == "上周 ， 古装剧 《 美人 》 停播 。"
    pieces = lines_of(tmp_path / "work" / "bpe" / "train.zh")[:2]
    assert [side.encode(line) for line in chinese] == pieces
    assert [side.decode(line) for line in pieces] == chinese


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--merges", 30, "--sentencepiece", 30), "--merges 30 and --sentencepiece 30 cannot be combined"),
        (("--merges", 0), "--merges 0 must be a number of at least 1"),
        (("--sentencepiece", 0), "--sentencepiece 0 must be"),
        (("--workers", 0), "--workers 0 must be"),
        (("--longest", 0), "--longest 0 must be"),
        (("--ratio", "nan"), "--ratio nan must be"),
        (("--ratio", 0.5), r"--ratio 0\.5 must be"),
        (("--target-lang", "en"), "--source-lang and --target-lang are both en"),
        (("--merges", 30, "--whole-words"), "--merges 30 cannot be combined"),
        (("--tokenizer", "mose"), "--tokenizer mose is none of moses"),
        (("--target-bpe-codes", "x"), "--target-bpe-codes needs those of the source: give --bpe-codes too"),
        (("--bpe-codes", "x"), "x cannot be read: No such file"),
        (("--bpe-codes", __file__), r"test_prepare\.py does not hold codes that subword-nmt"),
        (("--bpe-codes", "x", "--sentencepiece-model", "y"), "--bpe-codes x and --sentencepiece-model y cannot be"),
        (("--text-pipeline", __file__), r"test_prepare\.py is damaged or no text pipeline"),
        (("--dictionary", 0), "--dictionary 0 is less than 1: leave it out for all words"),
        (("--dictionary", 9, "--dictionaries", "x"), "--dictionary 9 has no effect beside --dictionaries"),
        (("--strip-diacritics", "ro"), "--strip-diacritics ro has no effect: the text is in en and de"),
        (("--strip-diacritics", "de", "--normalise", "nfc"), "--strip-diacritics has no effect beside --normalise"),
        (("--dictionaries", "nowhere"), r"--dictionaries nowhere: nowhere/dict\.en\.txt is missing"),
    ],
)
def test_options_that_cannot_work_are_refused(tmp_path: Path, options: tuple[object, ...], message: str) -> None:
    write_text(tmp_path / "raw")
    with pytest.raises(SystemExit, match=rf"fairseq-cmlm prepare: \S*{message}"):
        prepare(tmp_path, *options)
    assert not (tmp_path / "work").exists()


def test_a_missing_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(SystemExit, match=r"raw holds no train\.en or train\.de"):
        prepare(tmp_path)
    write_text(tmp_path / "raw")
    (tmp_path / "raw" / "valid.de").unlink()
    with pytest.raises(SystemExit, match=r"valid\.de is missing, and the other side is there"):
        prepare(tmp_path)


def test_a_pipeline_is_written_for_text_that_was_prepared_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "codes").write_text("#version: 0.2\nt h\n")
    words = ["text", str(tmp_path / "text.json"), "-s", "en", "-t", "de", "--bpe-codes", str(tmp_path / "codes")]
    main(words)
    pipeline = read_pipeline(tmp_path / "text.json")
    assert capsys.readouterr().out == f"wrote   {tmp_path}/text.json: {pipeline.signature}\n"
    assert pipeline.signature.startswith("en-de|normalise:none|tokenizer:moses|subwords:subword-nmt,")
    with pytest.raises(SystemExit, match=r"text\.json exists already"):
        main(words)
    model = write_model(tmp_path, "the dog\n" * 9, vocab_size=12)
    words = ["text", str(tmp_path / "pieces.json"), "-s", "en", "-t", "ja", "--sentencepiece-model", str(model)]
    main(words)
    assert "tokenizer:none|subwords:sentencepiece" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("codes", "languages"), [(["de"], ["de", "de"]), (["en", "de"], ["en", "de"]), ([], ["source", "target"])]
)
def test_texts_that_are_not_named_by_their_language_are_told_it(
    tmp_path: Path, codes: list[str], languages: list[str]
) -> None:
    words = ["text", str(tmp_path / "text.json"), "-s", "source", "-t", "target", "--tokenizer", "moses"]
    main([*words, *(["--language", *codes] if codes else [])])
    sides = read_pipeline(tmp_path / "text.json").sides
    assert list(sides) == ["source", "target"]
    assert [side.language for side in sides.values()] == languages


def test_three_languages_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--language en de fr names 3 languages: give one, or two"):
        main(["text", str(tmp_path / "text.json"), "-s", "a", "-t", "b", "--language", "en", "de", "fr"])
