"""`fairseq-cmlm export`: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("onnxruntime", reason="export needs onnxruntime")

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.export import bundle as export_bundle
from fairseq_cmlm.files import file_digest
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
