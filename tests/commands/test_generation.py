"""Decoding through fairseq-generate."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from fairseq_commands import PLUGIN, generate, preprocess, run, train

from fairseq_cmlm.errors import CheckpointError, ModelError, OptionError, TextError
from fairseq_cmlm.model.precision import PRECISIONS

CONTROL = {"<mask>", "<pad>", "<s>", "</s>"}


def hypotheses(found: dict[str, dict[int, list[str]]]) -> dict[int, list[str]]:
    """Sentence -> the texts of its hypotheses, without scores."""
    return {number: [line.split("\t")[1] for line in lines] for number, lines in found["H"].items()}


def test_every_sentence_comes_out_whatever_the_batch(data: Path, checkpoint: Path) -> None:
    together = hypotheses(generate(data, checkpoint, "--batch-size", 64))
    assert sorted(together) == list(range(17))
    for size in (1, 7):
        assert hypotheses(generate(data, checkpoint, "--batch-size", size)) == together
    assert hypotheses(generate(data, checkpoint, "--max-tokens", 25)) == together


@pytest.mark.parametrize("sentences", [1, 5, 8, 9, 16])
def test_no_sentence_is_lost(text: Path, data: Path, checkpoint: Path, tmp_path: Path, sentences: int) -> None:
    for side in ("src", "tgt"):
        lines = (text / f"test.{side}").read_text().splitlines(keepends=True)[:sentences]
        (tmp_path / f"test.{side}").write_text("".join(lines))
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    few = preprocess(tmp_path, tmp_path / "data", *dictionaries, splits=("test",))
    assert sorted(generate(few, checkpoint, "--decoding-iterations", 2)["H"]) == list(range(sentences))


@pytest.mark.parametrize("iterations", [1, 2, 10])
def test_hypotheses_hold_no_control_symbol_and_end_at_their_length(
    data: Path, checkpoint: Path, iterations: int
) -> None:
    options = ("--nbest", 5, "--beam", 5, "--print-step", "--decoding-iterations", iterations)
    found = generate(data, checkpoint, *options)
    for number, texts in hypotheses(found).items():
        scores = found["P"][number]
        assert len(texts) == len(scores) == 5
        lengths = [len(line.split()) for line in scores]
        assert len(set(lengths)) == 5, "a length was decoded twice"
        for text, length in zip(texts, lengths):
            assert not CONTROL & set(text.split())
            assert len(text.split()) == length - 1, "every position but that of </s> holds a word"
        assert all(int(steps) <= iterations for steps in found["I"][number])


def test_scores_are_mean_log_probabilities_and_the_best_comes_first(data: Path, checkpoint: Path) -> None:
    found = generate(data, checkpoint, "--nbest", 5, "--length-prior", 0)
    for number, lines in found["H"].items():
        scores = [float(line.split("\t")[0]) for line in lines]
        assert scores == sorted(scores, reverse=True)
        for score, positional in zip(scores, found["P"][number]):
            values = [float(value) for value in positional.split()]
            assert score == pytest.approx(sum(values) / len(values), abs=1e-3)
            assert max(values) <= 0


def test_history_shows_what_each_pass_read_and_wrote(data: Path, checkpoint: Path) -> None:
    found = generate(data, checkpoint, "--retain-iter-history", "--decoding-iterations", 4, "--length-beam", 1)
    for number, states in found["E"].items():
        length = len(found["P"][number][0].split())
        masked = [state.split().count("<mask>") for state in states]
        assert masked[0::2] == [length, *(n for n in (length * (4 - t) // 4 for t in (1, 2, 3)) if n)]
        assert set(masked[1::2]) == {0}
        assert states[-1] == hypotheses(found)[number][0]


def test_gold_lengths(data: Path, checkpoint: Path) -> None:
    found = generate(data, checkpoint, "--gold-target-length", "--length-beam", 1)
    for number, lines in found["T"].items():
        assert len(hypotheses(found)[number][0].split()) == len(lines[0].split())


def test_shards_are_the_whole(data: Path, checkpoint: Path) -> None:
    whole = hypotheses(generate(data, checkpoint))
    parts = [
        hypotheses(generate(data, checkpoint, "--batch-size", 4, "--num-shards", 3, "--shard-id", shard))
        for shard in range(3)
    ]
    assert sum(map(len, parts)) == 17
    assert {number: texts for part in parts for number, texts in part.items()} == whole


def test_an_ensemble_of_a_model_with_itself_is_the_model(data: Path, checkpoint: Path) -> None:
    one, two = generate(data, checkpoint), generate(data, f"{checkpoint}:{checkpoint}")
    assert hypotheses(one) == hypotheses(two)
    score = {k: float(found["H"][0][0].split("\t")[0]) for k, found in (("one", one), ("two", two))}
    assert score["one"] == pytest.approx(score["two"], abs=1e-4)


def test_an_ensemble_averages_both_models(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    train(data, tmp_path, "--share-all-embeddings", "--seed", 7, updates=60)
    other = tmp_path / "checkpoint_last.pt"
    candidates = ("--length-beam", 3, "--nbest", 3)
    both, swapped = (generate(data, f"{a}:{b}", *candidates) for a, b in ((checkpoint, other), (other, checkpoint)))
    assert hypotheses(both) == hypotheses(swapped)
    for one in (checkpoint, other):
        assert hypotheses(both) != hypotheses(generate(data, one, *candidates))


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_lower_precision_translates_alike(data: Path, checkpoint: Path, dtype: str) -> None:
    if "cpu" not in PRECISIONS[dtype].devices:
        pytest.skip(f"{dtype} cannot be computed on this processor")
    whole, found = (generate(data, checkpoint, *options) for options in ((), ("--decoding-dtype", dtype)))
    same = [hypotheses(whole)[number] == texts for number, texts in hypotheses(found).items()]
    assert len(same) == 17 and sum(same) >= 12
    assert found["P"] != whole["P"], "nothing was lowered"


def test_int8_translates_alike_whatever_the_batch(data: Path, checkpoint: Path) -> None:
    if "cpu" not in PRECISIONS["int8"].devices:
        pytest.skip("int8 cannot be computed on this processor")
    whole, alone = (generate(data, checkpoint, "--decoding-dtype", "int8", "--batch-size", size) for size in (64, 1))
    assert hypotheses(whole) == hypotheses(alone)


@pytest.mark.parametrize(
    "exits",
    [
        ("--decoding-preset", "fast"),
        ("--stop-unchanged", 1),
        ("--confidence-threshold", 0.02),
        ("--halve-candidates", 2),
        ("--iterations-per-token", 0.4),
    ],
    ids=lambda exits: exits[0],
)
def test_early_exits_save_passes_and_lose_no_sentence(data: Path, checkpoint: Path, exits: tuple[object, ...]) -> None:
    options = ("--decoding-iterations", 10, "--nbest", 5, "--beam", 5, "--print-step")
    whole, found = generate(data, checkpoint, *options), generate(data, checkpoint, *options, *exits)
    assert sorted(found["H"]) == list(range(17))
    passes = [[int(steps) for lines in one["I"].values() for steps in lines] for one in (whole, found)]
    assert sum(passes[1]) < sum(passes[0])
    assert not CONTROL & {word for texts in hypotheses(found).values() for text in texts for word in text.split()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--decoding-iterations", -1), "--decoding-iterations -1 must be at least 0"),
        (("--length-beam", 0), "--length-beam 0 must be at least 1"),
        (("--iter-decode-max-iter", 9), "--decoding-iterations, which counts every pass .* makes 10 passes"),
        (("--iter-decode-with-beam", 5), "--length-beam"),
        (("--iter-decode-force-max-iter",), "--decoding-iterations"),
        (("--no-repeat-ngram-size", 2), "--no-repeat-ngram-size 2 is not for"),
        (
            ("--decoding-dtype", "float16"),
            "--decoding-dtype float16 cannot be computed on this machine's cpu: use float32",
        ),
        (
            ("--decoding-preset", "fast", "--original-decoding"),
            "--confidence-threshold .* cannot be combined with --original",
        ),
        (("--confidence-threshold", 2), "--confidence-threshold 2.0 must be above 0"),
        (("--num-shards", 2, "--shard-id", 2), "--shard-id 2 must be at least 0 and below --num-shards 2"),
        (("--num-shards", 9), "--num-shards 9 is more than the 2 batch"),
    ],
)
def test_options_that_cannot_work_are_refused(
    data: Path, checkpoint: Path, options: tuple[object, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        generate(data, checkpoint, *options)


def test_too_long_lines_are_named_or_counted(text: Path, data: Path, checkpoint: Path, tmp_path: Path) -> None:
    lines = (text / "test.src").read_text().splitlines()
    lines[3] = " ".join(["the"] * 5000)
    (tmp_path / "test.src").write_text("\n".join(lines) + "\n")
    (tmp_path / "test.tgt").write_text((text / "test.tgt").read_text())
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    long = preprocess(tmp_path, tmp_path / "data", *dictionaries, splits=("test",))
    with pytest.raises(TextError, match=r"the first of them line 4 with \(5001, \d+\) tokens"):
        generate(long, checkpoint)
    printed = run(
        *("generate", long, *PLUGIN, "-s", "src", "-t", "tgt", "--path", checkpoint, "--cpu", "--num-workers", 0),
        "--skip-invalid-size-inputs-valid-test",
    )
    assert "skipped 1 line(s)" in printed
    assert printed.count("\nH-") == 16


def test_a_checkpoint_with_foreign_code_is_refused(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "foreign.pt"
    torch.save({"model": {}, "args": Fraction(1, 2), "cfg": None}, path)
    with pytest.raises(CheckpointError, match=r"foreign code .*Fraction.* was not loaded"):
        generate(data, path)


def test_a_file_that_is_no_checkpoint_is_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pt"
    cut.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"cut\.pt cannot be read"):
        generate(data, cut)


def test_a_model_of_nans_is_refused(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    for value in state["model"].values():
        if value.is_floating_point():
            value.fill_(float("nan"))
    torch.save(state, tmp_path / "nan.pt")
    for options in ((), ("--decoding-preset", "fast"), ("--decoding-strategy", "easy_first", "--beam", 2)):
        with pytest.raises(ModelError, match=r"not numbers \(NaN\) in float32: it diverged in training"):
            generate(data, tmp_path / "nan.pt", *options)


def test_8_bits_of_16_are_refused(data: Path, checkpoint: Path) -> None:
    with pytest.raises(OptionError, match=r"--decoding-dtype bfloat16 needs a float32 model, .* leave out --fp16"):
        generate(data, checkpoint, "--fp16", "--decoding-dtype", "bfloat16")


@pytest.mark.parametrize("command", ["generate", "interactive"])
def test_the_other_direction_is_refused(data: Path, checkpoint: Path, tmp_path: Path, command: str) -> None:
    """With a joined dictionary only the checkpoint knows that it was trained the other way round."""
    other = tmp_path / "data"
    shutil.copytree(data, other)
    for path in list(other.glob("*.src-tgt.*")):
        shutil.copy(path, other / path.name.replace("src-tgt", "tgt-src"))
    words = (other, *PLUGIN, "-s", "tgt", "-t", "src", "--path", checkpoint, "--cpu")
    with pytest.raises(OptionError, match="-s tgt -t src: the model was trained to translate from src to tgt"):
        run(command, *words)


def test_a_split_that_is_not_there_is_named(data: Path, checkpoint: Path) -> None:
    with pytest.raises(TextError, match="has no split 'tset' from src to tgt: give another --gen-subset"):
        generate(data, checkpoint, "--gen-subset", "tset")
