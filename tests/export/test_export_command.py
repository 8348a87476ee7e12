"""`fairseq-cmlm export`: what it writes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("onnxruntime", reason="export needs onnxruntime")

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.export import bundle as export_bundle
from fairseq_cmlm.export.comparison import others
from fairseq_cmlm.files import file_digest
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.runtime import Bundle


def test_a_bundle_is_whole(bundle: Path) -> None:
    manifest = Bundle(bundle).manifest
    assert {one.name for one in bundle.iterdir()} == {*manifest.files, "bundle.json", "README.md"}
    assert all(file_digest(bundle / name) == digest for name, digest in manifest.files.items())
    assert manifest.sizes["encoder_layers"] > 0


def test_without_a_text_pipeline_it_reads_subwords(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", str(checkpoint), str(tmp_path / "out"), "--scores", "BLEU 9", "--data-licence", "CC0"])
    told = capsys.readouterr().out
    assert "The model has no text pipeline" in told
    assert "--text-pipeline text.json" in told
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.endswith("## Scores\n\nBLEU 9\n")
    assert "| licence of the training data | CC0 |" in card
    assert Bundle(tmp_path / "out").translate(["bird , dog"])[0].source == ["bird", "<unk>", "dog", "</s>"]


def refused(*words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["export", *map(str, words)])
    return str(ended.value)


def test_nothing_is_written_over(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert "README.md exists already" in refused(checkpoint, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_graphs_that_fail_their_checks_are_not_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **options: object) -> None:
        raise BundleError("they differ")

    monkeypatch.setattr(export_bundle, "check_graphs", fail)
    assert refused(checkpoint, tmp_path / "out") == "fairseq-cmlm export: they differ"
    assert not (tmp_path / "out").exists()


def test_what_is_no_model_of_ours_is_refused(checkpoint: Path, teacher: Path, tmp_path: Path) -> None:
    foreign = teacher / "checkpoint_last.pt"
    assert "is no checkpoint of --task translation_cmlm" in refused(foreign, tmp_path / "out")
    assert "is an ensemble" in refused(f"{checkpoint}:{checkpoint}", tmp_path / "out")
    assert "there is no checkpoint" in refused(tmp_path / "none.pt", tmp_path / "out")


def test_a_model_that_diverged_is_refused(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    state["model"]["decoder.layers.0.ffn.expand.weight"][0, 0] = float("nan")
    torch.save(state, tmp_path / "diverged.pt")
    assert "differ from the model by nan" in refused(tmp_path / "diverged.pt", tmp_path / "out", "--data", data)


def test_the_card_compares_bundle_and_checkpoint(
    checkpoint: Path, bundle: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [text / "test.src", text / "test.tgt"]
    sentences = len(sides[0].read_text().splitlines())
    options = ("--text-pipeline", bundle / "text.json", "--scores", "BLEU 9", "--compare-on", *sides)
    main(["export", *map(str, (checkpoint, tmp_path / "out", *options))])
    table = capsys.readouterr().out.partition("README.md")[2].partition("\n")[2].strip()
    assert (tmp_path / "out" / "README.md").read_text().endswith(f"## Scores\n\nBLEU 9\n\n{table}\n")
    assert {one.name for one in (tmp_path / "out").iterdir()} == {one.name for one in bundle.iterdir()}
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith(("| full", "| fast"))]
    assert [row[0] for row in rows] == ["full", "fast"]
    references = Bleu([sides[1].read_text().splitlines()], language="tgt")
    for preset, candidates, different, changed, *scores in rows:
        made = {
            dtype: Bundle(bundle, dtype=dtype).translate(sides[0].read_text().splitlines(), preset=preset)
            for dtype in ("float32", "int8")
        }
        assert int(candidates) == sum(len(one.candidates) for one in made["float32"]) > sentences
        assert different == "0"
        assert int(changed) == sum(one.text != other.text for one, other in zip(*made.values()))
        bleu = [f"{references.score([one.text for one in found]):.2f}" for found in made.values()]
        assert scores == [bleu[0], *bleu]


def test_another_candidate_is_counted(bundle: Path) -> None:
    (wanted,) = Bundle(bundle).translate(["a bird"], length_beam=3)
    assert others(wanted, wanted) == 0
    first, second, third = wanted.candidates
    for changed in (
        replace(first, text="x"),
        replace(first, length=40),
        replace(first, passes=99),
        replace(first, number=7),
    ):
        assert others(replace(wanted, candidates=[third, changed, second]), wanted) == 1


@pytest.mark.parametrize(
    ("lines", "message"), [(["a", "b"], "2 lines and"), ([], "is empty: there is nothing to translate")]
)
def test_texts_that_cannot_be_compared_are_told(
    lines: list[str], message: str, checkpoint: Path, bundle: Path, tmp_path: Path
) -> None:
    for name, content in {"source": lines, "reference": lines[:1]}.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in content))
    sides = (tmp_path / "source", tmp_path / "reference")
    pipeline = ("--text-pipeline", bundle / "text.json")
    assert message in refused(checkpoint, tmp_path / "out", *pipeline, "--compare-on", *sides)
    sides[0].write_text("a bird\n" + "bird " * 5000)
    sides[1].write_text("a\nb\n")
    told = refused(checkpoint, tmp_path / "out", *pipeline, "--compare-on", *sides)
    assert f"line 2 of {sides[0]} has 5001 tokens" in told
    assert not (tmp_path / "out").exists()


def test_subwords_are_not_compared_as_if_they_were_text(checkpoint: Path, text: Path, tmp_path: Path) -> None:
    told = refused(checkpoint, tmp_path / "out", "--compare-on", text / "test.src", text / "test.tgt")
    assert "--compare-on is for models that read raw text" in told
    assert not (tmp_path / "out").exists()
