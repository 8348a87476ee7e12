"""Checkpoints in the released layout, of several shapes, become models that compute and translate the same."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any, Callable

import pytest
import released_forward
import torch
from fairseq import checkpoint_utils
from fairseq_commands import PLUGIN, TINY, generate, run
from released_layout import (
    LAYOUTS,
    SPECIAL,
    Layout,
    Side,
    checkpoint,
    on_a_gpu,
    parameters,
    serialise,
    words,
    write,
)
from torch import Tensor

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.conversion.convert import convert
from fairseq_cmlm.decoding import lengths as length_policies
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMTask

PAD, EOS, MASK = released_forward.PAD, released_forward.EOS, released_forward.MASK
FIXTURES = Path(__file__).parent / "fixtures"
SENTENCES = [[9, 14, 6, 20, 3, EOS], [11, EOS], [30, 8, 22, 22, EOS], [5, 35, 7, 18, 12, 33, EOS]]


def load(folder: Path) -> tuple[TranslationCMLMTask, CMLMModel]:
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(folder / "model.pt")])
    return task, models[0].eval()


def ours(tokens: Tensor, size: int) -> Tensor:
    """Ids of the released code in ours, in a dictionary of `size` symbols: words one lower, the mask last."""
    return torch.where(tokens > MASK, tokens - 1, tokens).masked_fill(tokens == MASK, size - 1)


def padded(sentences: list[list[int]]) -> Tensor:
    width = max(map(len, sentences))
    return torch.tensor([sentence + [PAD] * (width - len(sentence)) for sentence in sentences])


def compare(folder: Path, layout: Layout, released: dict[str, Tensor]) -> None:
    """The model in `folder` computes what the `released` parameters do, and decodes the same."""
    task, model = load(folder)
    released = {name: value.float().double() for name, value in released.items()}
    largest = SPECIAL + layout.encoder.words
    sentences = [[min(token, largest - 1) for token in sentence] for sentence in SENTENCES]
    source = padded(sentences)
    lengths = [7, 2, 3, 9]
    canvas = padded([[MASK] * length for length in lengths])
    some = torch.where((canvas == MASK) & (torch.arange(9) % 3 > 0), 7 + torch.arange(9), canvas)
    sizes = [len(task.source_dictionary), len(task.target_dictionary)]
    states, length_log_probs = released_forward.encode(released, layout, source)
    with torch.no_grad():
        encoded = model.encoder(ours(source, sizes[0]))
        real = source != PAD
        torch.testing.assert_close(encoded.states[real].double(), states[real], rtol=1e-5, atol=1e-5)
        found = length_policies.length_log_probs(encoded.length_logits).double()
        torch.testing.assert_close(found, length_log_probs, rtol=1e-5, atol=1e-5)
        memory = model.decoder.memory(encoded)
        for tokens in (canvas, some):
            logits = released_forward.decode(released, layout, states, source, tokens)
            real = tokens != PAD
            positions = real.flatten().nonzero().squeeze(1)
            found = model.decoder(ours(tokens, sizes[1]), memory, positions)[:, ours(torch.arange(sizes[1]), sizes[1])]
            torch.testing.assert_close(found.double(), logits[real], rtol=1e-5, atol=2e-5)
    options = Namespace(original_decoding=True, decoding_iterations=4, length_beam=3)
    hypotheses = task.build_generator([model], options).generate(
        [model], {"net_input": {"src_tokens": ours(source, sizes[0])}}
    )
    for sentence, (best, *_) in zip(sentences, hypotheses):
        expected = released_forward.mask_predict(released, layout, sentence, iterations=4, candidates=3)
        assert best["tokens"].tolist() == ours(torch.tensor(expected), sizes[1]).tolist()


@pytest.mark.parametrize("kind", ["zip, float32", "legacy, float16, optimizer state", "from a GPU, float16"])
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_converted_model_agrees(tmp_path: Path, name: str, kind: str) -> None:
    layout = LAYOUTS[name]
    state = checkpoint(layout, seed=len(name), half="float16" in kind, optimizer="optimizer" in kind)
    content = serialise(state, legacy=not kind.startswith("zip"))
    if kind.startswith("from a GPU"):
        assert b"cuda:0" in on_a_gpu(content)
        content = on_a_gpu(content)
    path = write(tmp_path / "released", layout, content)
    read, *wrote = convert(path, path.parent, tmp_path / "converted")
    compare(tmp_path / "converted", layout, state["model"])

    norm = "pre" if layout.encoder.pre_norm else "post"
    layers = f"{layout.encoder.layers}+{layout.decoder.layers} layers, d={layout.width}, {norm}-norm"
    precision = "float16" if "float16" in kind else "float32"
    kept = "not kept" if "optimizer" in kind else "none"
    assert read == f"read    {path}: en-de, {layers}, {precision}, 7 updates, optimizer state {kept}"
    distinct = {id(value): value.numel() for value in state["model"].values()}
    # Not taken over: the versions, two rows of each position table, one more of the decoder's.
    parameters = sum(distinct.values()) - 2 - 5 * layout.width
    assert wrote == [
        f"wrote   {tmp_path}/converted/model.pt: {parameters} parameters, float32",
        f"wrote   {tmp_path}/converted/dict.en.txt: {layout.encoder.words} words",
        f"wrote   {tmp_path}/converted/dict.de.txt: {layout.decoder.words} words",
    ]
    assert sorted(path.name for path in (tmp_path / "converted").iterdir()) == [
        "dict.de.txt",
        "dict.en.txt",
        "model.pt",
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir()))
def test_the_committed_checkpoints_convert(tmp_path: Path, name: str) -> None:
    """Files that no change of the writer in released_layout.py alters, and what they computed when they were made."""
    convert(FIXTURES / name / "checkpoint_best.pt", FIXTURES / name, tmp_path)
    task, model = load(tmp_path)
    options = Namespace(original_decoding=True, decoding_iterations=4, length_beam=3)
    generator = task.build_generator([model], options)
    for one in json.loads((FIXTURES / name / "expected.json").read_text()):
        source = task.source_dictionary.encode_line(one["source"], add_if_not_exist=False).long()[None]
        with torch.no_grad():
            log_probs = length_policies.length_log_probs(model.encoder(source).length_logits)[0, 1:]
        assert log_probs.tolist() == pytest.approx(one["length_log_probs_from_1"], abs=1e-5)
        best = generator.generate([model], {"net_input": {"src_tokens": source}})[0][0]["tokens"]
        assert " ".join(task.target_dictionary[token] for token in best.tolist()) == one["translation"]


def test_copies_of_a_shared_table_are_one_table(tmp_path: Path) -> None:
    """Averaging checkpoints, as the paper did, turns tied parameters into copies."""
    layout = Layout()
    state = checkpoint(layout)
    state["model"] = {name: value.clone() for name, value in state["model"].items()}
    path = write(tmp_path / "released", layout, serialise(state))
    convert(path, path.parent, tmp_path / "converted")
    compare(tmp_path / "converted", layout, state["model"])
    model = load(tmp_path / "converted")[1]
    assert model.encoder.embedding.tokens.weight is model.decoder.output.weight


def test_options_that_a_checkpoint_lacks_have_the_released_defaults(tmp_path: Path) -> None:
    layout = Layout(Side(inner=512), Side(inner=512), width=128)
    state = checkpoint(layout)
    sides = ("encoder_ffn_embed_dim", "encoder_attention_heads", "encoder_normalize_before")
    rest = ("dropout", "attention_dropout", "relu_dropout", "left_pad_source", "max_source_positions")
    for option in vars(state["args"]).copy():
        if option.startswith(("decoder_", "no_")) or option in (*sides, *rest):
            delattr(state["args"], option)
    path = write(tmp_path / "released", layout, serialise(state))
    convert(path, path.parent, tmp_path / "converted")
    compare(tmp_path / "converted", layout, state["model"])


def test_languages_may_be_given(tmp_path: Path) -> None:
    state = checkpoint(Layout())
    del state["args"].source_lang, state["args"].target_lang
    path = write(tmp_path / "released", Layout(), serialise(state))
    assert convert(path, path.parent, tmp_path / "converted", "en", "de")[0].startswith(f"read    {path}: en-de, ")
    compare(tmp_path / "converted", Layout(), state["model"])


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    """The converted model of the default layout."""
    path = write(tmp_path / "released", Layout(), serialise(checkpoint(Layout(), seed=3)))
    convert(path, path.parent, tmp_path / "converted")
    return tmp_path / "converted"


def expected_text(sentence: str, iterations: int, candidates: int) -> str:
    """What the released code prints for a sentence of the default layout's words, with random parameters of seed 3."""
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *words(Layout(), "encoder")]
    tokens = [vocabulary.index(word) for word in sentence.split()] + [EOS]
    released = {name: value.double() for name, value in parameters(Layout(), seed=3).items()}
    found = released_forward.mask_predict(released, Layout(), tokens, iterations, candidates)
    # fairseq's commands leave out <s> too.
    return " ".join(vocabulary[token] for token in found if token not in (0, EOS))


TEXT = ["joint4 joint11 joint0", "joint39", "joint20 joint21 joint22 joint23 joint24"]


def binarise(folder: Path, converted: Path) -> Path:
    """TEXT as source and target, binarised with the converted dictionaries."""
    folder.mkdir()
    for language in ("en", "de"):
        (folder / f"test.{language}").write_text("".join(f"{line}\n" for line in TEXT))
    run(
        *("preprocess", "-s", "en", "-t", "de", "--testpref", folder / "test", "--trainpref", folder / "test"),
        *("--destdir", folder / "data", "--srcdict", converted / "dict.en.txt", "--tgtdict", converted / "dict.de.txt"),
    )
    return folder / "data"


@pytest.mark.parametrize(("iterations", "candidates"), [(1, 1), (4, 5), (10, 2)])
def test_fairseq_generate_prints_the_released_translations(
    tmp_path: Path, converted: Path, iterations: int, candidates: int
) -> None:
    data = binarise(tmp_path / "text", converted)
    decoding = ("--original-decoding", "--decoding-iterations", iterations, "--length-beam", candidates)
    found = generate(data, converted / "model.pt", "-s", "en", "-t", "de", *decoding)["H"]
    expected = {number: expected_text(line, iterations, candidates) for number, line in enumerate(TEXT)}
    assert {number: lines[0].split("\t")[1] for number, lines in found.items()} == expected


def test_training_goes_on_from_a_converted_model(tmp_path: Path, converted: Path) -> None:
    data = binarise(tmp_path / "text", converted)
    sizes = {"layers": 2, "embed-dim": 16, "ffn-embed-dim": 24, "attention-heads": 2}
    options = [
        *(f"--{side}-{size}={number}" for side in ("encoder", "decoder") for size, number in sizes.items()),
        *("--max-source-positions", 18, "--max-target-positions", 17, "--share-all-embeddings", "-s", "en", "-t", "de"),
        *("--finetune-from-model", converted / "model.pt", "--max-update", 1, "--lr", "0", "--save-dir", tmp_path),
    ]
    run("train", data, *PLUGIN, *TINY, *options)
    before, after = (
        torch.load(path, weights_only=False)["model"]
        for path in (converted / "model.pt", tmp_path / "checkpoint_last.pt")
    )
    assert before.keys() == after.keys()
    assert all(before[name].equal(after[name]) for name in before)


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    main(["convert", *map(str, arguments)])
    return capsys.readouterr().out


def test_the_command_says_what_it_did_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "released", Layout(), serialise(checkpoint(Layout(), seed=3)))
    (tmp_path / "lines").write_text("".join(f"{line}\n" for line in TEXT))
    printed = command(capsys, path, tmp_path / "converted", "--check", tmp_path / "lines").splitlines()
    assert [line.split()[0] for line in printed[:4]] == ["read", "wrote", "wrote", "wrote"]
    checks = [part for line in TEXT for part in (f"check   {line}", f"        {expected_text(line, 10, 5)}")]
    assert printed[4:] == checks


def test_dictionaries_may_lie_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "dictionaries", Layout(), serialise(checkpoint(Layout())))
    path = path.rename(tmp_path / "checkpoint.pt")
    command(capsys, path, tmp_path / "converted", "--dictionaries", tmp_path / "dictionaries", "-s", "en", "-t", "de")
    compare(tmp_path / "converted", Layout(), parameters(Layout()))


Change = Callable[[dict[str, Any]], object]
REFUSALS: dict[str, tuple[Layout, Change, str]] = {
    "a missing parameter": (
        Layout(),
        lambda state: state["model"].pop("decoder.layers.1.fc2.bias"),
        r"lacks the parameter decoder\.layers\.1\.fc2\.bias, of the shape \(16,\)",
    ),
    "a parameter of another shape": (
        Layout(),
        lambda state: state["model"].update({"encoder.layers.0.fc1.weight": torch.zeros(23, 16)}),
        r"encoder\.layers\.0\.fc1\.weight has the shape \(23, 16\), and .* should have \(24, 16\)",
    ),
    "a parameter too many": (
        Layout(),
        lambda state: state["model"].update({"encoder.layers.2.fc1.weight": torch.zeros(24, 16)}),
        r"no place for the parameter encoder\.layers\.2\.fc1\.weight, of the shape \(24, 16\)",
    ),
    "fewer layers than the options say": (
        Layout(),
        lambda state: vars(state["args"]).update(encoder_layers=3),
        r"lacks the parameter encoder\.layers\.2\.self_attn\.in_proj_weight, of the shape \(48, 16\)",
    ),
    "infinite numbers": (
        LAYOUTS["pre-norm, three tables"],
        lambda state: state["model"]["decoder.embed_out"].fill_(float("nan")),
        r"decoder\.embed_out holds something else than finite numbers",
    ),
    "no shared table where one should be": (
        Layout(),
        lambda state: state["model"].update({"decoder.embed_tokens.weight": torch.zeros(45, 16)}),
        r"encoder\.embed_tokens\.weight and decoder\.embed_tokens\.weight differ",
    ),
    "decoder positions that are not the lengths": (
        Layout(),
        lambda state: state["model"].update({"decoder.embed_positions.weight": torch.zeros(30, 16)}),
        r"decoder\.embed_positions\.weight has the shape \(30, 16\), and .* should have \(20, 16\)",
    ),
    "an autoregressive model": (
        Layout(),
        lambda state: state["model"].pop("encoder.embed_lengths.weight"),
        r"lacks encoder\.embed_lengths\.weight: it is no model of the released Mask-Predict",
    ),
    "no positions": (
        Layout(),
        lambda state: vars(state["args"]).update(no_dec_token_positional_embeddings=True),
        r"--no-dec-token-positional-embeddings",
    ),
    "an encoder without its last norm": (
        Layout(encoder=Side(pre_norm=True)),
        lambda state: state["model"].pop("encoder.version"),
        r"pre-norm encoder is of a version without a final normalisation",
    ),
    "different widths": (
        Layout(),
        lambda state: vars(state["args"]).update(decoder_embed_dim=32),
        r"encoder_embed_dim 16 and decoder_embed_dim 32",
    ),
    "an option that is no number": (
        Layout(),
        lambda state: vars(state["args"]).update(encoder_layers="--user-dir=/tmp"),
        r"option encoder_layers of the checkpoint is --user-dir=/tmp, and should be a number",
    ),
    "no number of layers": (
        Layout(),
        lambda state: delattr(state["args"], "encoder_layers"),
        r"option encoder_layers of the checkpoint is None",
    ),
    "heads that do not divide the width": (
        Layout(),
        lambda state: vars(state["args"]).update(decoder_attention_heads=3),
        r"--decoder-embed-dim 16 must be a multiple of --decoder-attention-heads 3",
    ),
    "no languages": (
        Layout(),
        lambda state: delattr(state["args"], "target_lang"),
        r"does not tell its languages: give --source-lang and --target-lang",
    ),
    "a language that leads out of the folder": (
        Layout(),
        lambda state: vars(state["args"]).update(source_lang="/../../x"),
        r"the language /\.\./\.\./x is no part of a file's name",
    ),
    "a language without dictionary": (
        Layout(),
        lambda state: vars(state["args"]).update(target_lang="nl"),
        r"dict\.nl\.txt cannot be read \(No such file or directory\): name its folder with --dictionaries",
    ),
}


@pytest.mark.parametrize("what", sorted(REFUSALS))
def test_what_does_not_fit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    layout, change, message = REFUSALS[what]
    state = checkpoint(layout)
    state["model"] = {name: value.clone() for name, value in state["model"].items()}
    change(state)
    path = write(tmp_path / "released", layout, serialise(state))
    with pytest.raises(SystemExit, match=f"^fairseq-cmlm convert: .*{message}"):
        command(capsys, path, tmp_path / "converted")
    assert not (tmp_path / "converted").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("language", "content", "message"),
    [
        (
            "en",
            b"joint0 1\n",
            r"encoder\.embed_tokens\.weight has 45 rows, and .*dict\.en\.txt 1 words, with the 5 .* 6",
        ),
        ("de", b"w 1\n" * 41, r"decoder\.embed_tokens\.weight has 45 rows, and .*dict\.de\.txt 41 words, .* 46"),
        ("de", b"".join(b"other%d 1\n" % n for n in range(40)), r"dict\.en\.txt and .*dict\.de\.txt differ"),
        ("en", b"\xff 1\n", r"dict\.en\.txt is not UTF-8"),
        ("en", b"joint0 1\njoint1\n", r"line 2 of .*dict\.en\.txt is not 'WORD COUNT'"),
    ],
)
def test_a_dictionary_that_does_not_fit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, content: bytes, message: str
) -> None:
    path = write(tmp_path / "released", Layout(), serialise(checkpoint(Layout())))
    (path.parent / f"dict.{language}.txt").write_bytes(content)
    with pytest.raises(SystemExit, match=message):
        command(capsys, path, tmp_path / "converted")
    assert not (tmp_path / "converted").exists()


@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
def test_the_folder_of_the_original_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = write(tmp_path, Layout(), serialise(checkpoint(Layout())), name)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(
        SystemExit, match=r"(model\.pt|dict\.en\.txt) exists already: remove it, or name another output"
    ):
        command(capsys, path, tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_text_to_check_that_is_missing_is_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "released", Layout(), serialise(checkpoint(Layout())))
    with pytest.raises(SystemExit, match="lines cannot be read: No such file"):
        command(capsys, path, tmp_path / "converted", "--check", tmp_path / "lines")
    assert not (tmp_path / "converted").exists()
