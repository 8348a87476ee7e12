"""`fairseq-cmlm card`: what a checkpoint tells of itself, what it is told, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fairseq_cmlm.checkpoints.card import checkpoint_card
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.plugin.loading import load_models
from fairseq_cmlm.render.card import Told
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.pipeline_file import to_json

TABLE = """\
| output | BLEU |
|---|---|
| raw,T=4 | 20.0 |
| raw | 19.0 |
| raw2,T=4 | 30.0 |

| BLEU by length | short |
|---|---|
| raw2,T=4 | 40.0 |
| raw,T=4 | 25.0 |

BLEU nrefs:1|tok:13a
decoding of raw,T=4: iterations:4
decoding of raw2,T=4: iterations:5
"""


def card(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    main(["card", *map(str, words)])
    return capsys.readouterr().out


def facts(text: str) -> dict[str, str]:
    """The rows of the first table."""
    rows = [line[2:-2].split(" | ") for line in text.partition("## Scores")[0].splitlines() if line.startswith("| ")]
    return {row[0].strip(): row[1] for row in rows}


def test_a_checkpoint_tells_what_it_is(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = card(capsys, checkpoint, "--training-data", "300 lines", "--data-licence", "CC0")
    _, (model,) = load_models([checkpoint], None, None, None)
    told, parameters = facts(text), sum(one.numel() for one in model.parameters())
    assert told["network"].startswith("cmlm_") and told["network"].endswith(f"; {parameters:,} parameters")
    assert told["vocabulary of the target"] == str(model.decoder.output.out_features)
    assert told["trained with"].startswith("`--criterion cmlm_loss --objective cmlm ")
    assert told["begun with"] == "random parameters" and told["text"] == "as the text.json in DATA says"
    assert told["training data"] == "300 lines" and told["licence of the training data"] == "CC0"
    assert f'Translator("{checkpoint.name}", data="DATA")' in text and text.endswith("## Scores\n\nnot told\n")


@pytest.mark.parametrize(("pipeline", "title"), [(True, "# From a to b\n"), (False, "# From SOURCE to TARGET\n")])
def test_languages_that_were_not_given_are_those_of_the_text_pipeline(
    checkpoint: Path, tmp_path: Path, pipeline: bool, title: str
) -> None:
    state = torch.load(checkpoint)
    state["cfg"]["task"].update(source_lang=None, target_lang=None)
    text = to_json(TextPipeline({"a": Side("en"), "b": Side("de")}))
    torch.save({**state, "task_state": {"text_pipeline": text} if pipeline else {}}, tmp_path / "model.pt")
    card = checkpoint_card(tmp_path / "model.pt", Told())
    assert card.startswith(title) and "None" not in card


def test_a_teacher_is_used_by_fairseqs_own_command(teacher: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = card(capsys, teacher / "checkpoint_last.pt")
    assert "An autoregressive Transformer" in text and "--path checkpoint_last.pt" in text and "Translator" not in text
    assert " --task translation -s " in text


def test_the_rows_and_signatures_of_other_models_are_left_out(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.md").write_text(TABLE)
    scores = card(capsys, checkpoint, "--scores", tmp_path / "scores.md", "--rows", "raw").partition("## Scores\n\n")[2]
    expected = "".join(f"{line}\n" for line in TABLE.splitlines() if "raw2" not in line)
    assert scores.replace("\n    ", "\n") == expected
    assert "raw2" in card(capsys, checkpoint, "--scores", tmp_path / "scores.md")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scores", "TABLE", "--rows", "ra"], "scores.md has no row named ra: give what fairseq-cmlm score printed"),
        (["--rows", "raw"], "--rows raw chooses rows of a table: give the table by --scores"),
        (["--scores", "no.md"], "no.md cannot be read"),
    ],
)
def test_scores_that_are_not_there_are_refused(
    checkpoint: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "scores.md").write_text(TABLE)
    given = [word.replace("TABLE", str(tmp_path / "scores.md")) for word in words]
    with pytest.raises(SystemExit, match=message):
        main(["card", str(checkpoint), *given])


def test_models_of_other_tasks_have_no_card(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    state["cfg"]["task"]["_name"] = "language_modeling"
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="is a model of --task language_modeling, and cards are for translation_cmlm"):
        checkpoint_card(tmp_path / "other.pt", Told())
    torch.save({**state, "cfg": None}, tmp_path / "old.pt")
    with pytest.raises(ValueError, match="holds no options"):
        checkpoint_card(tmp_path / "old.pt", Told())
