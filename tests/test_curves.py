from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.render import plots


def validation(updates: int, nll: float, rest: str = "", subset: str = "valid") -> str:
    begin = f"2026-01-01 00:00:00 | INFO | {subset} | epoch 001 | valid on '{subset}' subset"
    return f"{begin} | loss 9.9 | nll_loss {nll} | ppl 1e+09{rest} | wps 7 | num_updates {updates} | best_loss 1\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    noise = "INFO | train_inner | epoch 001:  5 / 9 loss=8, nll_loss=8, num_updates=55\n"
    cold = [validation(100, 8.25, " | bleu 1.5"), noise, validation(200, 7.5, " | bleu 3")]
    (tmp_path / "cold.log").write_text("".join(cold))
    # Interrupted after 150 updates, and validated there again.
    warm = [validation(100, 6, " | bleu 9"), validation(150, 5.5, " | bleu 10"), validation(150, 5.25, " | bleu 11")]
    (tmp_path / "warm.log").write_text("".join(warm))
    (tmp_path / "theirs.log").write_text(validation(200, 1e-5))
    (tmp_path / "empty.log").write_text(noise)
    return tmp_path


def test_trainings_stand_side_by_side(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = [f"{name}={logs / name}.log" for name in ("cold", "warm", "theirs")]
    main(["curves", *named, "--output", str(logs / "out")])
    printed = capsys.readouterr().out
    assert printed.splitlines()[2:7] == [
        "| updates | cold, BLEU | warm, BLEU | cold, nll | warm, nll | theirs, nll |",
        "|---|---|---|---|---|---|",
        "| 100 | 1.50 | 9.00 | 8.25 | 6.00 | - |",
        "| 150 | - | 11.00 | - | 5.25 | - |",
        "| 200 | 3.00 | - | 7.50 | - | 0.00 |",
    ]
    assert printed.strip() == (logs / "out" / "curves.md").read_text().strip()
    assert (logs / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_table_is_there(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(plots, "figure_class", lambda: None):
        main(["curves", f"warm={logs}/warm.log", "--output", str(logs / "out")])
    printed = capsys.readouterr()
    assert "| 150 | 11.00 | 5.25 |" in printed.out and "curves.png" not in printed.out
    assert "matplotlib is not installed" in printed.err and not (logs / "out" / "curves.png").exists()


def test_each_validation_set_has_its_own_curve(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = [validation(100, 8.25), validation(100, 3, subset="test-2"), validation(200, 7.5)]
    (logs / "two.log").write_text("".join(two))
    main(["curves", f"cold={logs / 'two.log'}", f"theirs={logs / 'theirs.log'}", "--output", str(logs / "out")])
    assert capsys.readouterr().out.splitlines()[2:6] == [
        "| updates | cold, nll | cold on test-2, nll | theirs, nll |",
        "|---|---|---|---|",
        "| 100 | 8.25 | 3.00 | - |",
        "| 200 | 7.50 | - | 0.00 |",
    ]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["a=LOGS/empty.log"], "empty.log holds no validation that fairseq-train logged"),
        (["a=LOGS/nowhere"], "nowhere cannot be read: No such file"),
        (["a=LOGS/cold.log", "a=LOGS/warm.log"], "two trainings cannot have the name 'a'"),
    ],
)
def test_what_is_no_log_is_refused(logs: Path, named: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=f"fairseq-cmlm curves: .*{message}"):
        main(["curves", *(name.replace("LOGS", str(logs)) for name in named), "--output", str(logs / "out")])
    assert not (logs / "out").exists()
