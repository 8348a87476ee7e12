"""`fairseq-cmlm trace` from the command line to its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairseq_cmlm import Translator
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.decoding.options import Decoding


def trace(*arguments: object) -> None:
    main(["trace", *map(str, arguments)])


def test_ten_sentences_two_strategies_and_two_models(
    text: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("src", "tgt"):
        lines = (text / f"test.{side}").read_text().splitlines()[:10]
        (tmp_path / side).write_text("".join(f"{line}\n" for line in lines))
    page, data = tmp_path / "trace.html", tmp_path / "trace.json"
    trace(
        *(checkpoint, "--source", tmp_path / "src", "--reference", tmp_path / "tgt", "--output", page, data),
        *("--attention", "--alternatives", 3, "--length-beam", 3, "--settings"),
        *("decoding_strategy=easy_first", "halve_candidates=1", "--compare", f"again={checkpoint}"),
    )
    assert capsys.readouterr().out == f"{page}\n{data}\n"
    assert page.stat().st_size < 1_000_000
    document = json.loads(data.read_text())
    names = ["checkpoint_last, mask_predict", "decoding_strategy=easy_first", "halve_candidates=1", "again"]
    assert [run["name"] for run in document["runs"]] == names
    assert document["runs"][0]["signature"] == Decoding.of(length_beam=3).signature()
    assert document["languages"] == ["src", "tgt"] and len(document["sentences"]) == 10
    texts = (tmp_path / "src").read_text().splitlines()
    for setting, number in (({}, 0), ({"strategy": "easy_first"}, 1), ({"halve_candidates": 1}, 2), ({}, 3)):
        found = Translator(checkpoint).translate(texts, length_beam=3, **setting)
        shown = [sentence["decodings"][number]["candidates"] for sentence in document["sentences"]]
        assert [one[0]["text"] for one in shown] == [one.text for one in found]
        assert all(len(one) == 3 for one in shown), "those that were given up included"
        made = shown[0][0]["history"][0]
        assert len(made["attention"]) == shown[0][0]["length"]
        assert [len(best) for best in made["alternatives"][:-1]] == [3] * (len(made["alternatives"]) - 1)
        assert bool(made["alternatives"]) is (number != 1)


def test_a_lower_precision_does_not_change_the_settings_behind_it(checkpoint: Path, tmp_path: Path) -> None:
    settings = ("decoding_dtype=bfloat16", "decoding_iterations=3")
    trace(checkpoint, "--text", "the small dog", "--output", tmp_path / "t.json", "--settings", *settings)
    runs = json.loads((tmp_path / "t.json").read_text())["runs"]
    assert [run["name"] for run in runs[1:]] == list(settings)
    assert ["bfloat16" in run["signature"] for run in runs] == [False, True, False]


def test_texts_may_stand_in_the_command(checkpoint: Path, tmp_path: Path) -> None:
    trace(checkpoint, "--text", "the small dog", "a bird", "--output", tmp_path / "t.svg")
    assert (tmp_path / "t.svg").read_text().count('class="title"') == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "a", "--output", "t.png"], "--output t.png must end in .html, .json, .svg"),
        (["--text", "a", "--output", "t.html", "--alternatives", "-1"], "--alternatives -1 must be from 0 to 100"),
        (["--text", "a", "--output", "t.html", "--alternatives", "101"], "--alternatives 101 must be from 0 to 100"),
        (["--text", "a", "--output", "t.html", "--gold-target-length"], "--gold-target-length is not for traces"),
        (["--text", "a", "--output", "t.html", "--settings", "beam=2", "beam=2"], "--settings beam=2 is there twice"),
        (["--text", "a", "--output", "t.html", "--compare", "b=c.pt", "b=d.pt"], "--compare b is there twice"),
        (["--source", "EMPTY", "--output", "t.html"], "EMPTY is empty: there is nothing to translate"),
        (["--text", "a", "--reference", "EMPTY", "--output", "t.html"], "EMPTY has 0 lines and there are 1 texts"),
        (["--text", "a", "--output", "t.html", "--settings", "x=1"], "--settings x= is no option of decoding"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("EMPTY").touch()
    with pytest.raises(SystemExit, match=message):
        trace(checkpoint, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["EMPTY"]
