"""What fairseq-preprocess wrote, as the task reads it; checkpoints and the data that they belong to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fairseq_commands import LANGUAGES, PLUGIN, TINY, USER_DIR, generate, load_task, preprocess, run, train

from fairseq_cmlm import Translator
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import STATE, to_json
from fairseq_cmlm.text.usual import usual_side


def write(folder: Path, split: str, source: list[str], target: list[str]) -> None:
    """One split of raw text."""
    folder.mkdir(exist_ok=True)
    (folder / f"{split}.src").write_text("".join(line + "\n" for line in source))
    (folder / f"{split}.tgt").write_text("".join(line + "\n" for line in target))


def test_control_symbols_in_a_text_are_never_taken_for_the_control_symbols(tmp_path: Path) -> None:
    line = "a <mask> b </s> c <pad> d <s> e"
    write(tmp_path, "test", [line, "a b"], ["a b", line])
    task = load_task(
        preprocess(
            tmp_path, tmp_path / "data", "--joined-dictionary", "--trainpref", tmp_path / "test", splits=["test"]
        )
    )
    for tokens in (task.dataset("test")[0]["source"], task.dataset("test")[1]["target"]):
        assert tokens[-1] == task.target_dictionary.eos()
        assert len(tokens) == 10
        assert not set(tokens[:-1].tolist()) & set(task.target_dictionary.control_symbols())
        words = task.target_dictionary.string(tokens).split()
        assert words == ["a", "<mask>", "b", "<unk>", "c", "<unk>", "d", "<unk>", "e"]


def test_separate_dictionaries_train_and_translate(text: Path, tmp_path: Path) -> None:
    data = preprocess(text, tmp_path / "data")
    assert (data / "dict.src.txt").read_text() != (data / "dict.tgt.txt").read_text()
    train(data, tmp_path / "model", "--share-decoder-input-output-embed", updates=3)
    assert len(generate(data, tmp_path / "model/checkpoint_last.pt", "--decoding-iterations", 2)["H"]) == 17
    with pytest.raises(OptionError, match="--share-all-embeddings needs one dictionary"):
        train(data, tmp_path / "other", "--share-all-embeddings", updates=1)


def test_an_epoch_reads_one_of_several_folders(text: Path, data: Path, tmp_path: Path) -> None:
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    second = preprocess(text, tmp_path / "second", *dictionaries, splits=("train",))
    log = train(f"{data}:{second}", tmp_path / "model", "--max-epoch", 2, updates=1000)
    first_epoch, second_epoch = log.index(f"{data}/train.src-tgt.src"), log.index(f"{second}/train.src-tgt.src")
    assert first_epoch < log.index("begin training epoch 2") and second_epoch < log.index("end of epoch 2")
    assert second_epoch > log.index("end of epoch 1")


def test_training_counts_what_it_skips_and_validation_refuses_it(tmp_path: Path) -> None:
    write(tmp_path / "text", "train", ["a b", "a " * 60, "b"], ["c d", "c", "d"])
    write(tmp_path / "text", "valid", ["a b", "a"], ["c", "d " * 41])
    data = preprocess(tmp_path / "text", tmp_path / "data", splits=("train", "valid"))
    log = train(data, tmp_path / "model", updates=1)
    assert "skipped 1 line(s) longer than" in log and "line 2" in log
    options = (*PLUGIN, *LANGUAGES, *(option for option in TINY if option != "--disable-validation"))
    with pytest.raises(TextError, match=r"line 2 with \(2, 42\) tokens"):
        run("train", data, *options, "--max-update", 1, "--save-dir", tmp_path / "other")


def test_a_training_with_nothing_to_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "text", "train", ["a " * 60, "b " * 70], ["c", "d"])
    data = preprocess(tmp_path / "text", tmp_path / "data", splits=("train",))
    with pytest.raises(TextError, match="no sentence is left"):
        train(data, tmp_path / "model", updates=1)


def test_an_empty_split_is_refused(text: Path, data: Path, tmp_path: Path) -> None:
    write(tmp_path / "text", "test", [], [])
    dictionaries = ("--srcdict", data / "dict.src.txt", "--tgtdict", data / "dict.tgt.txt")
    empty = preprocess(tmp_path / "text", tmp_path / "data", *dictionaries, splits=("test",))
    with pytest.raises(TextError, match=r"the split 'test' .* holds no sentence"):
        load_task(empty)


def test_a_missing_folder_is_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"there is no data folder '.*nowhere'"):
        generate(tmp_path / "nowhere", checkpoint)
    with pytest.raises(TextError, match=r"there is no data folder '.*nowhere'"):
        train(f"{data}:{tmp_path / 'nowhere'}", tmp_path / "model", updates=1)


@pytest.mark.parametrize("changed", [("source",), ("target",), ("source", "target")])
def test_a_checkpoint_is_refused_with_other_dictionaries(
    data: Path, checkpoint: Path, tmp_path: Path, changed: tuple[str, ...]
) -> None:
    other = tmp_path / "data"
    shutil.copytree(data, other)
    for side in changed:
        # The same words in another order: every shape fits, and every word would be translated as another.
        dictionary = other / f"dict.{ {'source': 'src', 'target': 'tgt'}[side] }.txt"
        words = dictionary.read_text().splitlines()
        dictionary.write_text("\n".join([*words[1:], words[0]]) + "\n")
    message = f"another {' and '.join(changed)} dictionary than the data folder has"
    shared = "--share-all-embeddings needs one dictionary"
    with pytest.raises((CheckpointError, OptionError), match=message if len(changed) == 2 else shared):
        generate(other, checkpoint)
    with pytest.raises(CheckpointError, match=message):
        train(other, tmp_path / "model", "--restore-file", checkpoint, updates=200)


def test_a_checkpoint_is_refused_by_another_task(data: Path, checkpoint: Path) -> None:
    options = ("--user-dir", USER_DIR, "--task", "translation", *LANGUAGES, "--path", checkpoint, "--cpu")
    with pytest.raises(OptionError, match="a cmlm model needs --task translation_cmlm"):
        run("generate", data, *options)


def test_another_model_is_refused(data: Path, tmp_path: Path) -> None:
    options = ("--arch", "transformer_iwslt_de_en", "--optimizer", "adam", "--encoder-layers", 1, "--decoder-layers", 1)
    sizes = ("--max-tokens", 512, "--max-update", 1, "--disable-validation", "--cpu", "--save-dir", tmp_path)
    run("train", data, *LANGUAGES, "--task", "translation", "--criterion", "cross_entropy", *options, *sizes)
    with pytest.raises(CheckpointError, match="the checkpoint is a 'transformer"):
        generate(data, tmp_path / "checkpoint_last.pt")
    with pytest.raises(CheckpointError, match="--arch is a 'transformer"):
        run("train", data, *PLUGIN, *LANGUAGES, "--criterion", "cmlm_loss", *options, *sizes)
    with pytest.raises(OptionError, match="--criterion cross_entropy is not for"):
        train(data, tmp_path / "other", "--criterion", "cross_entropy", updates=1)


def test_a_training_without_languages_remembers_them(text: Path, data: Path, tmp_path: Path) -> None:
    """Else a checkpoint of a joined dictionary would translate the other way in silence."""
    both = preprocess(text, tmp_path / "data", "--joined-dictionary")
    run("train", both, *PLUGIN, *TINY, "--max-update", 1, "--save-dir", tmp_path)
    checkpoint = tmp_path / "checkpoint_last.pt"
    with pytest.raises(OptionError, match="-s tgt -t src: the model was trained to translate from src to tgt"):
        run("generate", both, *PLUGIN, "-s", "tgt", "-t", "src", "--path", checkpoint, "--cpu")
    assert Translator(checkpoint, both).languages == ("src", "tgt")


def test_an_earlier_checkpoint_has_the_languages_of_its_text_pipeline(data: Path) -> None:
    task = load_task(data)
    pipeline = TextPipeline({name: usual_side("en") for name in ("tgt", "src")})
    with pytest.raises(OptionError, match="the model was trained to translate from tgt to src"):
        task.load_state_dict({STATE: to_json(pipeline)})
    task.load_state_dict({STATE: to_json(TextPipeline({name: usual_side("en") for name in ("src", "tgt")}))})
    assert list(task.text.sides) == ["src", "tgt"]
