"""The commands around a format: text and examples are written, outputs measured against them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from sacrebleu.metrics import BLEU

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.course.tasks import group_grids
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.example import Example, examples_to_json, read_examples

TRIPLES = "Mill | by | Ada\nMill | by | Ada\nMill | by | Bo <T> Bo | in | Elm\n"
TEXT = "Ada built the mill.\nThe mill is by Ada.\nBo of Elm built the mill.\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder of two splits."""
    for split in ("train", "valid"):
        (tmp_path / f"{split}.triples").write_text(TRIPLES)
        (tmp_path / f"{split}.text").write_text(TEXT)
    return tmp_path


def test_train_has_a_line_for_each_reference_and_other_splits_for_each_example(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = records / "text"
    main(["format", "data_to_text", str(records), str(output)])
    assert capsys.readouterr().out.splitlines() == [
        f"wrote   {output}/train.{{source,target,jsonl}}: 2 examples, 3 pairs",
        f"wrote   {output}/valid.{{source,target,jsonl}}: 2 examples, 2 pairs",
        "        of these are in train too: 2 of 2 sources, 2 of 2 pairs",
    ]
    assert (output / "train.target").read_text() == TEXT
    assert (output / "train.source").read_text() == "Mill → by → Ada\n" * 2 + "Mill → by → Bo • Bo → in → Elm\n"
    assert (output / "valid.target").read_text() == "Ada built the mill.\nBo of Elm built the mill.\n"
    name, examples = read_examples(output / "valid.jsonl")
    assert name == "data_to_text" and [len(example.references) for example in examples] == [2, 1]


def test_a_split_that_is_gone_leaves_nothing_behind(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["format", "data_to_text", str(records), str(records / "text")]
    main(words)
    (records / "text" / "test.source").write_text("not of this command")
    for ending in ("triples", "text"):
        (records / f"valid.{ending}").unlink()
    capsys.readouterr()
    main(words)
    assert capsys.readouterr().out.startswith(f"removed {records}/text/valid.*, of an earlier call")
    assert {path.name for path in (records / "text").glob("*.source")} == {"train.source", "test.source"}


def test_the_records_are_never_overwritten(tmp_path: Path) -> None:
    for ending in ("source", "target", "doc"):
        (tmp_path / f"train.{ending}").write_text("a\nb\n")
    with pytest.raises(SystemExit, match=r"the output .* is the folder of the records: name another"):
        main(["format", "documents", str(tmp_path), str(tmp_path)])
    assert (tmp_path / "train.source").read_text() == "a\nb\n"
    with pytest.raises(SystemExit, match=r"the output .*train\.doc is a file: name a folder"):
        main(["format", "documents", str(tmp_path), str(tmp_path / "train.doc")])


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds no text: it should have .*triples"):
        main(["format", "data_to_text", str(tmp_path), str(tmp_path / "text")])
    (tmp_path / "train.triples").write_text("")
    (tmp_path / "train.text").write_text("")
    with pytest.raises(SystemExit, match="gives no example of the split 'train'"):
        main(["format", "data_to_text", str(tmp_path), str(tmp_path / "text")])


def score(folder: Path, texts: list[str], *options: str) -> None:
    lines = [f"{kind}-{i}\t-1\t{text}\n" for i, text in enumerate(texts) for kind in "HD"]
    (folder / "T=4.out").write_text("".join(lines))
    main(["score", str(folder / "T=4.out"), "--examples", str(folder / "text" / "valid.jsonl"), *options])


def test_an_output_is_measured_against_all_references_and_by_group(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    summary = (
        "Translated 2 sentences (9 tokens) in 1.5s (1.33 sentences/s, 6.00 tokens/s); 3.5 passes a sentence, 2.00 t"
    )
    (records / "T=4.out.log").write_text(f"INFO:fairseq_cli.generate:{summary}\n")
    capsys.readouterr()
    score(records, ["The mill is by Ada.", "Elm has a mill by Ada"], "--json", str(records / "results.json"))
    printed = capsys.readouterr().out.splitlines()
    cells = dict(zip(printed[0].strip("| ").split(" | "), printed[2].strip("| ").split(" | ")))
    assert cells["2 examples of valid"] == "T=4" and cells["passes"] == "3.5" and cells["seconds"] == "1.5"
    assert cells["entities %"] == "80.0" and cells["length ratio"] == "0.92"
    assert printed[4] == "| BLEU by triples | 1 (1) | 2 (1) |" and printed[6].startswith("| T=4 | 100.0 | ")
    assert any(line.startswith("BLEU nrefs:var|") for line in printed)
    results = json.loads((records / "results.json").read_text())
    assert results["scores"]["entities"] == [80.0] and results["made"][0]["passes"] == 3.5
    assert results["groups"]["triples"][0]["examples"] == 1


def test_groups_have_more_measures_than_the_main_one(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    capsys.readouterr()
    score(records, ["The mill is by Ada.", "Elm has has a mill"], "--json", str(records / "results.json"))
    printed = capsys.readouterr().out.splitlines()
    place = printed.index("| repeated words % by triples | 1 (1) | 2 (1) |")
    assert printed[place + 2] == "| T=4 | 0.00 | 20.00 |"
    results = json.loads((records / "results.json").read_text())
    assert results["groups"]["triples"][1]["others"] == {"repeated_words": [20.0]}
    grids = group_grids(results)
    assert [grid.rows[0][1:] for grid in grids[:2]] == [["100.0", "8.5"], ["0.00", "20.00"]]
    assert len(grids) == 4 and grids[1].head[0].en == "repeated words % by triples"


def test_outputs_that_were_drawn_are_compared_with_each_other(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    texts = {"1": ["one two three four five", "six"], "2": ["one two three four five", "seven"]}
    files = [records / f"raw,T=4,draw={number}.out" for number in texts]
    for file, found in zip(files, texts.values()):
        file.write_text("".join(f"{kind}-{i}\t-1\t{text}\n" for i, text in enumerate(found) for kind in "HD"))
    words = ["--examples", str(records / "text" / "valid.jsonl"), "--json", str(records / "results.json")]
    main(["score", *map(str, files), *words])
    expected = BLEU().corpus_score(texts["1"], [texts["2"]]).score
    assert f"| raw,T=4 | 2 | {expected:.1f} |" in capsys.readouterr().out
    (draws,) = json.loads((records / "results.json").read_text())["draws"]
    assert draws == {"system": "raw,T=4", "outputs": 2, "pairwise_bleu": pytest.approx(expected)}
    main(["score", str(files[0]), *words])
    assert "pairwise" not in capsys.readouterr().out


def test_outputs_are_compared_with_another(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    texts = {"base": ["Ada built a hut.", "Bo"], "best": ["The mill is by Ada.", "Bo of Elm built the mill."]}
    for name, found in texts.items():
        lines = [f"{kind}-{i}\t-1\t{text}\n" for i, text in enumerate(found) for kind in "HD"]
        (records / f"{name}.out").write_text("".join(lines))
    capsys.readouterr()
    words = ["--examples", str(records / "text" / "valid.jsonl"), "--json", str(records / "results.json")]
    main(["score", str(records / "best.out"), *words, "--against", str(records / "base.out")])
    printed = capsys.readouterr().out.splitlines()
    head, base, best = (printed[i].strip("| ").split(" | ") for i in (0, 2, 3))
    assert head[1:5] == ["BLEU", "BLEU, difference", "chrF", "chrF, difference"]
    assert (base[0], base[2], base[4], best[0]) == ("base", "-", "-", "best")
    gained = float(best[1]) - float(base[1])
    assert gained > 10 and best[2].startswith(f"+{gained:.1f} (p=0.")
    assert any(
        line.startswith("difference of BLEU, chrF from base: paired bootstrap, 1000 resamplings") for line in printed
    )
    results = json.loads((records / "results.json").read_text())
    assert results["systems"] == ["base", "best"] and results["differences"].keys() == {"bleu", "chrf"}
    assert results["differences"]["bleu"][0]["points"] == pytest.approx(
        results["scores"]["bleu"][1] - float(base[1]), 0.1
    )


def test_outputs_of_other_examples_are_refused(records: Path) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    with pytest.raises(SystemExit, match="lacks 1 of 2 sentences"):
        score(records, ["one"])
    with pytest.raises(SystemExit, match="--tokenised-reference x is for --reference, and --examples is given"):
        score(records, ["one", "two"], "--tokenised-reference", "x")
    (records / "none.jsonl").write_text(examples_to_json("data_to_text", []))
    with pytest.raises(SystemExit, match="holds no example: there is nothing to measure against"):
        main(["score", str(records / "T=4.out"), "--examples", str(records / "none.jsonl")])
    with pytest.raises(SystemExit, match=r"--judge x is for the --examples of a format"):
        main(["score", "x", "--reference", "x", "--judge", "x"])
    with pytest.raises(SystemExit, match=r"--json x is for the --examples of a format"):
        main(["score", "x", "--reference", "x", "--json", "x"])


def test_what_an_earlier_call_wrote_is_removed_and_the_count_tells_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("train", "valid"):
        (tmp_path / f"{split}.text").write_text('one two three four\nword\n"x" "y"\n')
    text = tmp_path / "text"
    main(["format", "infilling", str(tmp_path), str(text)])
    assert f"{tmp_path}/valid.text: 2 texts are left out" in caplog.text
    assert capsys.readouterr().out.splitlines()[1].endswith("valid.{source,target,jsonl,infill}: 1 examples, 1 pairs")
    main(["format", "left_infilling", str(tmp_path), str(text)])
    assert {file.name for file in text.iterdir()} == {
        f"{split}.{ending}" for split in ("train", "valid") for ending in ("source", "target", "jsonl")
    }
    with pytest.raises(SystemExit, match="a text with blanks cannot be cut after 2 words: leave --longest out"):
        main(["format", "infilling", str(tmp_path), str(text), "--longest", "2"])
    with pytest.raises(SystemExit, match="a text with blanks cannot be cut after 2 words: leave --longest out"):
        main(["format", "left_infilling", str(tmp_path), str(text), "--longest", "2"])


def test_the_cost_is_that_of_the_output_and_not_of_an_old_log(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    (records / "T=4.out.log").write_text(
        "Translated 2 sentences (9 tokens) in 99.0s (1 sentences/s); 77.0 passes a sentence\n"
    )
    lines = [f"{kind}-{i}\t-1\tone\n" for i in range(2) for kind in "HD"]
    own = "Translated 2 sentences (9 tokens) in 0.5s (1 sentences/s); 4.0 passes a sentence\n"
    (records / "T=4.out").write_text("".join(lines) + own)
    capsys.readouterr()
    main(["score", str(records / "T=4.out"), "--examples", str(records / "text" / "valid.jsonl")])
    assert capsys.readouterr().out.splitlines()[2].endswith("| 4.0 | 0.5 |")


@pytest.mark.parametrize("cut", [False, True])
def test_an_output_says_which_examples_it_answers(records: Path, cut: bool) -> None:
    main(["format", "data_to_text", str(records), str(records / "text")])
    sources = ["Mi@@ ll → by → Ad@@ a", "Mill → by → Bo •" if cut else "Mill → by → Bo • Bo → in → Elm"]
    answers = [f"{kind}-{i}\t-1\tone\n" for i in range(2) for kind in "HD"]
    words = [str(records / "T=4.out"), "--examples", str(records / "text" / "valid.jsonl")]
    (records / "T=4.out").write_text("".join([*(f"S-{i}\t{text}\n" for i, text in enumerate(sources)), *answers]))
    main(["score", *words])
    turned = (f"S-{i}\t{text}\n" for i, text in enumerate(reversed(sources)))
    (records / "T=4.out").write_text("".join([*turned, *answers]))
    with pytest.raises(SystemExit, match=r"T=4.out answers other examples than those of .*: 2 of its 2 sources"):
        main(["score", *words])


def test_answers_come_from_templates_where_there_are_any() -> None:
    def translate(texts: list[str], targets: list[str] | None, **options: int) -> list[SimpleNamespace]:
        asked.append((texts, targets, options))
        return [SimpleNamespace(text=text.replace("␣", "b")) for text in texts]

    asked: list[object] = []
    writer, left = SimpleNamespace(translate=translate), FORMATS["left_infilling"]
    examples = [Example("a ␣ c", template="a <blank> c"), Example("d")]
    assert FORMATS["infilling"].answers(writer, examples, iterations=4) == ["a b c", "d"]
    assert FORMATS["paraphrase"].answers(writer, examples[1:]) == ["d"]
    assert left.answers(writer, [left.example("a <blank> c")]) == ["a a b c"]
    assert asked == [
        (["a ␣ c", "d"], ["a <blank> c", "<blank>"], {"iterations": 4}),
        (["d"], None, {}),
        (["a ␣"], None, {}),
    ]


EXAMPLE = Example("a → b", ("c",), "c <blank>", {"entities": ["a"]})


def test_examples_come_back_from_their_file(tmp_path: Path) -> None:
    (tmp_path / "valid.jsonl").write_text(examples_to_json("data_to_text", [EXAMPLE, Example("ü\u2028\n")]))
    assert read_examples(tmp_path / "valid.jsonl") == ("data_to_text", [EXAMPLE, Example("ü\u2028\n")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "is no file of examples"),
        (lambda text: text.partition("\n")[2], "is no file of examples"),
        (lambda text: text.partition("\n")[0] + "\n", "has 0 examples and should have 1"),
        (lambda text: text.replace('["c"]', '"c d"'), "line 2 of .* is no example"),
        (lambda text: text.replace('["c"]', "[3]"), "line 2 of .* is no example"),
        (lambda text: text.replace('{"entities": ["a"]}', '"a"'), "line 2 of .* is no example"),
        (lambda text: text[:-5] + "\n", "line 2 of .* is not JSON of an example"),
        (lambda text: text.replace('"source"', '"sauce"'), "line 2 of .* is no example"),
        (lambda text: text.replace('["c"]', "3"), "line 2 of .* is no example"),
    ],
)
def test_a_damaged_file_of_examples_is_refused(tmp_path: Path, change: object, message: str) -> None:
    (tmp_path / "valid.jsonl").write_text(change(examples_to_json("data_to_text", [EXAMPLE])))  # type: ignore[operator]
    with pytest.raises(TextError, match=message):
        read_examples(tmp_path / "valid.jsonl")


def test_a_source_is_cut_after_so_many_words_with_a_count(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = records / "text"
    main(["format", "data_to_text", str(records), str(output), "--longest", "6"])
    assert "2 examples, 2 pairs, 1 sources cut after 6 words" in capsys.readouterr().out
    assert (output / "valid.source").read_text() == "Mill → by → Ada\nMill → by → Bo •\n"
    assert [example.source for example in read_examples(output / "valid.jsonl")[1]][1] == "Mill → by → Bo •"
    with pytest.raises(SystemExit, match="--longest 0 is less than 1"):
        main(["format", "data_to_text", str(records), str(output), "--longest", "0"])
