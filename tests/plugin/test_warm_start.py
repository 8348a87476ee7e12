"""Trainings that begin with the parameters of another model."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq_commands import LANGUAGES, TEACHER, generate, preprocess, run, train
from torch import Tensor, nn

from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.plugin.fairseq_transformer import their_names

# The tiny model, and a training that changes nothing.
STILL = ("--lr", 0, "--dropout", 0)
LEARNED = ("--encoder-learned-pos", "--decoder-learned-pos", "--max-source-positions", 50)
PRE_NORM = ("--encoder-normalize-before", "--decoder-normalize-before")


def parameters(checkpoint: Path) -> dict[str, Tensor]:
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return state["model"]


def load(checkpoint: Path, data: Path) -> nn.Module:
    models, *_ = checkpoint_utils.load_model_ensemble_and_task([str(checkpoint)], {"data": str(data)})
    return models[0].eval()


def sentences(width: int, vocabulary: int) -> Tensor:
    """Three sentences of words, of `width` tokens and fewer, padded at the end."""
    tokens = torch.randint(4, vocabulary, (3, width), generator=torch.Generator().manual_seed(width))
    tokens[:, -1] = 2
    tokens[1, width - 2 :], tokens[2, 1:] = torch.tensor([2, 1]), 1
    return tokens


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("--share-all-embeddings",), ("--share-all-embeddings",)),
        (("--share-all-embeddings", *PRE_NORM), ("--share-decoder-input-output-embed", *PRE_NORM)),
        (("--no-scale-embedding", *LEARNED), ()),
        (
            ("--share-decoder-input-output-embed", *LEARNED, "--decoder-normalize-before"),
            ("--decoder-normalize-before",),
        ),
    ],
)
def test_the_function_is_that_of_the_teacher(
    data: Path, tmp_path: Path, theirs: tuple[object, ...], ours: tuple[object, ...]
) -> None:
    """GELU and the eps of ours are put into the teacher, and its causal mask left out: what remains must be equal."""
    options = (*TEACHER, "--activation-fn", "gelu", "--max-update", 3, "--disable-validation")
    run("train", data, *LANGUAGES, *options, *theirs, "--save-dir", tmp_path / "teacher")
    path = tmp_path / "teacher" / "checkpoint_last.pt"
    train(data, tmp_path / "ours", *STILL, *ours, "--init-from", path, updates=1)
    teacher, model = load(path, data), load(tmp_path / "ours" / "checkpoint_last.pt", data)
    for module in teacher.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-12
    source, canvas = sentences(9, 300), sentences(7, 300)
    with torch.no_grad():
        expected = states_with_slot(teacher, source, model.encoder.lengths.weight[:1])
        found = model.encoder(source)
        real = source.ne(1)
        assert torch.allclose(found.states[real], expected["encoder_out"][0].transpose(0, 1)[real], atol=1e-5)
        logits, _ = teacher.decoder(canvas, encoder_out=expected, full_context_alignment=True)
        places = canvas.ne(1).flatten().nonzero().squeeze(1)
        predicted = model.decoder(canvas, model.decoder.memory(found), places)
        assert torch.allclose(predicted[:, :-1], logits.flatten(0, 1)[places], atol=2e-5)
        assert logits.std() > 0.1
        canvas[2, 0] = 2
        read = torch.cat([torch.full((3, 1), 2), canvas[:, :-1]], dim=1).where(canvas.ne(1), 1)
        logits, _ = teacher.decoder(read, encoder_out=expected)
        predicted = model.causal_logits(model.encode(source), canvas, places)
        assert torch.allclose(predicted[:, :-1], logits.flatten(0, 1)[places], atol=2e-5)


def states_with_slot(teacher: Any, source: Tensor, slot: Tensor) -> dict[str, list[Tensor]]:
    """What the teacher's encoder makes of the source behind one more word, `slot`, without a position: LENGTH."""
    embedded, _ = teacher.encoder.forward_embedding(source)
    x = torch.cat([slot.expand(len(source), 1, -1), embedded], dim=1).transpose(0, 1)
    padding = nn.functional.pad(source.eq(1), (1, 0))
    for layer in teacher.encoder.layers:
        x = layer(x, encoder_padding_mask=padding)
    x = teacher.encoder.layer_norm(x) if teacher.encoder.layer_norm else x
    return {"encoder_out": [x[1:]], "encoder_padding_mask": [padding[:, 1:]]}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("encoder.layers.3.self_attention.key_value.bias", ["encoder.layers.3.self_attn.{}_proj.bias"]),
        ("decoder.layers.0.source_attention.key_value.weight", ["decoder.layers.0.encoder_attn.{}_proj.weight"]),
        ("decoder.layers.0.source_attention.output.weight", ["decoder.layers.0.encoder_attn.out_proj.weight"]),
        ("decoder.output.weight", ["decoder.output_projection.weight"]),
        ("encoder.norm.bias", ["encoder.layer_norm.bias"]),
        ("encoder.layers.1.around_ffn.norm.weight", ["encoder.layers.1.final_layer_norm.weight"]),
    ],
)
def test_names(name: str, theirs: list[str]) -> None:
    parts = "kv" if "key_value" in name else "-"
    assert their_names(name) == [theirs[0].format(part) for part in parts]


def test_it_begins_with_the_teacher_and_not_again_on_resuming_or_in_decoding(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    start = shutil.copy(teacher / "checkpoint4.pt", tmp_path / "teacher.pt")
    options = ("--share-all-embeddings", "--dropout", 0, "--init-from", start)
    log = train(data, tmp_path / "whole", *options, updates=4)
    assert (
        f"--init-from {start}: transformer after 28 updates; taken: embeddings (360 source words, 360 target words), "
        "positions, encoder, decoder; left as initialised: lengths, <mask>; different here: no causal mask, a LENGTH "
        "token before the source, LayerNorm eps 1e-12 for 1e-05, GELU for relu, sinusoidal positions are learned from "
        "now on, token tables times 5.65685, the decoder's last norm divided by it"
    ) in log
    assert "--init-from" in train(data, tmp_path / "parts", *options, updates=2)
    first = parameters(tmp_path / "parts" / "checkpoint_last.pt")["encoder.embedding.tokens.weight"]
    theirs = parameters(teacher / "checkpoint4.pt")["encoder.embed_tokens.weight"] * 32**0.5
    assert torch.allclose(first[:-1], theirs, atol=0.005) and not torch.allclose(first[:-1], theirs, atol=0.001)
    assert first[-1].std() < 0.04 < theirs.std()
    (tmp_path / "teacher.pt").unlink()
    log = train(data, tmp_path / "parts", *options, updates=4)
    assert "Loaded checkpoint" in log and "taken:" not in log
    whole, parts = (parameters(tmp_path / name / "checkpoint_last.pt") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert len(generate(data, tmp_path / "parts" / "checkpoint_last.pt", "--decoding-iterations", 1)["H"]) == 17


def test_a_cmlm_checkpoint_is_taken_whole(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    log = train(data, tmp_path, *STILL, "--share-all-embeddings", "--init-from", checkpoint, updates=1)
    assert re.search(r"--init-from \S+: cmlm_tiny after 150 updates; taken: everything", log)
    found, expected = parameters(tmp_path / "checkpoint_last.pt"), parameters(checkpoint)
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


def test_an_objective_leads_to_another_and_back(data: Path, checkpoint: Path, teacher: Path, tmp_path: Path) -> None:
    """A head that the objective before has not trained begins anew, and one that the next does not need is left out."""
    options = (*STILL, "--share-all-embeddings", "--init-from")
    log = train(data, tmp_path / "prism", *options, checkpoint, "--objective", "prism", updates=1)
    assert "taken: everything; left as initialised: heads.quality.bias, heads.quality.weight" in log
    start = tmp_path / "prism" / "checkpoint_last.pt"
    for objective in ("cmlm", "hybrid", "prism"):
        log = train(data, tmp_path / objective, *options, start, "--objective", objective, updates=1)
        found = parameters(tmp_path / objective / "checkpoint_last.pt")
        assert found.keys() == (parameters(start) if objective == "prism" else parameters(checkpoint)).keys()
        assert all(torch.equal(found[name], parameters(start)[name]) for name in found)
    log = train(data, tmp_path / "last", *options, teacher / "checkpoint4.pt", "--objective", "prism", updates=1)
    assert re.search(r"transformer after 28 updates; .* left as initialised: heads.quality.bias", log)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--encoder-layers", 1), r"is a model of other sizes: give --encoder-layers 2$"),
        (("--decoder-ffn-embed-dim", 32), r"other sizes: give --decoder-ffn-embed-dim 64$"),
        (("--encoder-embed-dim", 64, "--decoder-embed-dim", 64), "--encoder-embed-dim 32, --decoder-embed-dim 32$"),
        (("--encoder-attention-heads", 4), "other sizes: give --encoder-attention-heads 2$"),
        (PRE_NORM, "other sizes: give no --encoder-normalize-before, no --decoder-normalize-before$"),
    ],
)
@pytest.mark.parametrize("start", ["teacher", "checkpoint"])
def test_other_sizes_are_refused_with_the_options_to_give(
    data: Path, tmp_path: Path, request: pytest.FixtureRequest, options: tuple[object, ...], message: str, start: str
) -> None:
    path = request.getfixturevalue(start)
    path = path / "checkpoint4.pt" if start == "teacher" else path
    with pytest.raises(OptionError, match=f"--init-from {re.escape(str(path))} .*{message}"):
        train(data, tmp_path, "--init-from", path, *options)


def test_positions_that_were_not_learned_are_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    run(
        "train",
        *(data, *LANGUAGES, *TEACHER, *LEARNED, "--max-target-positions", 60, "--max-update", 1),
        *("--disable-validation", "--save-dir", tmp_path),
    )
    start = ("--init-from", tmp_path / "checkpoint_last.pt")
    with pytest.raises(OptionError, match=r"give --max-source-positions 50 or less$"):
        train(data, tmp_path / "ours", *start, "--max-source-positions", 51, "--max-target-positions", 60)
    with pytest.raises(OptionError, match=r"give --max-target-positions 40$"):
        train(data, tmp_path / "ours", "--init-from", checkpoint, "--max-target-positions", 41)


def test_other_dictionaries_are_refused(
    text: Path, data: Path, teacher: Path, checkpoint: Path, tmp_path: Path
) -> None:
    separate = preprocess(text, tmp_path / "separate")
    with pytest.raises(
        CheckpointError, match=r"teacher.*another source dictionary \(360 symbols\) than the data folder"
    ):
        train(separate, tmp_path / "ours", "--init-from", teacher / "checkpoint4.pt")
    with pytest.raises(CheckpointError, match="trained with another source and target dictionary"):
        train(separate, tmp_path / "ours", "--init-from", checkpoint)
    # As many words, but two of them in another order.
    lines = (data / "dict.src.txt").read_text().splitlines(keepends=True)
    (tmp_path / "dict.txt").write_text("".join([lines[1], lines[0], *lines[2:]]))
    same = ("--srcdict", tmp_path / "dict.txt", "--tgtdict", tmp_path / "dict.txt")
    swapped = preprocess(text, tmp_path / "swapped", *same)
    with pytest.raises(
        CheckpointError, match=r"another source dictionary: \S+dict\.\S+, where its training found it, has other words"
    ):
        train(swapped, tmp_path / "ours", "--init-from", teacher / "checkpoint4.pt")


def test_a_teacher_whose_dictionaries_are_gone_is_taken_by_their_size(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    state = torch.load(teacher / "checkpoint4.pt", weights_only=True)
    state["cfg"]["task"]["data"] = "gone"
    torch.save(state, tmp_path / "teacher.pt")
    options = (*STILL, "--share-all-embeddings", "--init-from", tmp_path / "teacher.pt")
    log = train(data, tmp_path / "ours", *options, updates=1)
    assert "360 source words by number alone, without gone/dict.src.txt, 360 target words by number alone" in log


def test_what_is_no_teacher_is_named(data: Path, teacher: Path, tmp_path: Path) -> None:
    state = torch.load(teacher / "checkpoint4.pt", weights_only=True)
    more = {**state["model"], "encoder.layernorm_embedding.weight": torch.ones(32)}
    torch.save({**state, "model": more}, tmp_path / "more.pt")
    less = {name: value for name, value in state["model"].items() if name != "decoder.layers.1.fc1.bias"}
    torch.save({**state, "model": less}, tmp_path / "less.pt")
    torch.save({**state, "model": {"encoder.x": torch.ones(1)}}, tmp_path / "other.pt")
    untied = {**state["model"], "decoder.output_projection.weight": torch.ones(360, 32)}
    torch.save({**state, "model": untied}, tmp_path / "untied.pt")
    (tmp_path / "half.pt").write_bytes((teacher / "checkpoint4.pt").read_bytes()[:5000])
    for name, message in (
        ("more", r"more\.pt: its parameter encoder\.layernorm_embedding\.weight has no place in a cmlm model"),
        ("less", r"it lacks the parameter decoder\.layers\.1\.fc1\.bias, which a cmlm model has"),
        ("other", "it holds neither a cmlm model nor a Transformer for translation"),
        ("untied", r"two tables where --share-all-embeddings or .* of decoder\.embedding\.tokens\.weight and decoder"),
        ("half", r"half\.pt cannot be read as a checkpoint: is it complete"),
        ("gone", r"gone\.pt: there is no such file"),
    ):
        with pytest.raises(CheckpointError, match=f"--init-from .*{message}"):
            train(data, tmp_path / "ours", "--share-all-embeddings", "--init-from", tmp_path / f"{name}.pt")
