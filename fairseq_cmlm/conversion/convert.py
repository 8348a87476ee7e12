"""`fairseq-cmlm convert`: a checkpoint of the released code and its dictionaries become such as fairseq reads."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf
from torch import Tensor

from fairseq_cmlm.conversion.parameters import ORIGINAL_SPECIAL, convert_parameters
from fairseq_cmlm.conversion.safe_reading import read_original
from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.plugin.model import CMLMModel

_SIZES = ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")
_SPECIAL_WORDS = {"<s>", "<pad>", "</s>", "<unk>"}


def convert(checkpoint: Path, dictionaries: Path, output: Path) -> list[str]:
    """Write OUTPUT/model.pt and OUTPUT/dict.*.txt from `checkpoint` and the dict.*.txt in `dictionaries`.

    Returns lines that say what was read and written. What does not fit is a CheckpointError; a file is written under a
    temporary name first, so that none is ever half there.
    """
    state = read_original(checkpoint)
    args = state["args"]
    languages = (args.source_lang, args.target_lang)
    _check_supported(args, state["model"])
    output.mkdir(parents=True, exist_ok=True)
    words = [_convert_dictionary(dictionaries, language, output) for language in languages]
    cfg = _configuration(args, state["model"], output)
    task = tasks.setup_task(cfg.task)
    model: CMLMModel = task.build_model(cfg.model)
    _load(model, convert_parameters(state["model"], cfg.task.max_target_positions), words)
    _save(model, cfg, output / "model.pt")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    updates = state["optimizer_history"][-1].get("num_updates") if state.get("optimizer_history") else None
    optimizer = "not kept" if "last_optimizer_state" in state else "none"
    return [
        f"read    {checkpoint}: {'-'.join(languages)}, {args.encoder_layers}+{args.decoder_layers} layers, "
        f"d={args.encoder_embed_dim}, {updates} updates, optimizer state {optimizer}",
        f"wrote   {output / 'model.pt'}: {parameters} parameters, float32",
        *(f"wrote   {output}/dict.{language}.txt: {size} words" for language, size in zip(languages, words)),
    ]


def _check_supported(args: Namespace, model: dict[str, Tensor]) -> None:
    for side in ("enc", "dec"):
        if getattr(args, f"no_{side}_token_positional_embeddings", False):
            raise CheckpointError(f"the checkpoint was trained with --no-{side}-token-positional-embeddings: not here")
    for name in ("encoder.embed_lengths.weight", "encoder.embed_positions.weight", "decoder.embed_positions.weight"):
        if name not in model:
            raise CheckpointError(
                f"the checkpoint has no parameter {name}: it is no model of the released Mask-Predict"
            )
    if args.encoder_normalize_before and float(model.get("encoder.version", torch.zeros(1))) < 2:
        raise CheckpointError("the pre-norm encoder is of a version without a final normalisation, which is not here")


def _convert_dictionary(folder: Path, language: str, output: Path) -> int:
    """Copy dict.LANGUAGE.txt, marking words that stand twice as fairseq wants it; returns the number of its words."""
    source, target = folder / f"dict.{language}.txt", output / f"dict.{language}.txt"
    try:
        lines = source.read_text("utf-8").splitlines()
    except OSError as error:
        raise CheckpointError(f"the dictionary {source} cannot be read ({error.strerror}): name its folder") from None
    seen = set(_SPECIAL_WORDS)
    kept = []
    for line in lines:
        word = line.rsplit(" ", 1)[0]
        kept.append(f"{line} #fairseq:overwrite\n" if word in seen and "#fairseq" not in line else f"{line}\n")
        seen.add(word)
    part = target.with_suffix(".part")
    part.write_text("".join(kept), "utf-8")
    os.replace(part, target)
    return len(lines)


def _configuration(args: Namespace, model: dict[str, Tensor], folder: Path) -> Any:
    """The configuration of a fairseq-train that would have made this model."""
    arguments = [str(folder), "--task", "translation_cmlm", "--arch", "cmlm_base", "--criterion", "cmlm_loss"]
    arguments += ["--source-lang", args.source_lang, "--target-lang", args.target_lang, "--optimizer", "adam"]
    arguments += ["--max-source-positions", str(len(model["encoder.embed_positions.weight"]) - 2)]
    arguments += ["--max-target-positions", str(len(model["encoder.embed_lengths.weight"]) - 1)]
    arguments += ["--dropout", str(args.dropout), "--attention-dropout", str(args.attention_dropout)]
    arguments += ["--activation-dropout", str(getattr(args, "relu_dropout", 0.0))]
    for side in ("encoder", "decoder"):
        for size in _SIZES:
            arguments += [f"--{side}-{size.replace('_', '-')}", str(getattr(args, f"{side}_{size}"))]
        if getattr(args, f"{side}_normalize_before"):
            arguments.append(f"--{side}-normalize-before")
    for option in ("share_all_embeddings", "share_decoder_input_output_embed"):
        if getattr(args, option):
            arguments.append(f"--{option.replace('_', '-')}")
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), arguments))


def _load(model: CMLMModel, parameters: dict[str, Tensor], words: list[int]) -> None:
    """Put `parameters` into `model`, which must have the same names and shapes."""
    ours = model.state_dict()
    parameters["dictionary_version"] = ours["dictionary_version"]
    for side, size in zip(("encoder", "decoder"), words):
        rows = len(parameters[f"{side}.embedding.tokens.weight"])
        if rows != size + ORIGINAL_SPECIAL:
            raise CheckpointError(
                f"{side}.embed_tokens.weight has {rows} rows, and its dictionary {size} words, which with "
                f"{ORIGINAL_SPECIAL} special symbols are {size + ORIGINAL_SPECIAL}: it is another dictionary"
            )
    for name in sorted(ours.keys() ^ parameters.keys()):
        where = "the checkpoint lacks" if name in ours else "there is no place for"
        raise CheckpointError(f"{where} the parameter {name}")
    for name, value in parameters.items():
        if value.shape != ours[name].shape:
            raise CheckpointError(
                f"{name} has the shape {tuple(value.shape)} and should have {tuple(ours[name].shape)}"
            )
    model.load_state_dict(parameters)
    for name, value in model.state_dict().items():
        if not torch.equal(value, parameters[name]):
            raise CheckpointError(f"{name} differs from the table that its checkpoint says it shares")


def _save(model: CMLMModel, cfg: Any, path: Path) -> None:
    """Write a checkpoint as fairseq-train does, without optimizer state; --finetune-from-model trains it further."""
    history = {
        "criterion_name": "CMLMLoss",
        "optimizer_name": "FairseqAdam",
        "lr_scheduler_state": {},
        "num_updates": 0,
    }
    state = {
        "args": None,
        "cfg": OmegaConf.to_container(cfg, resolve=True, enum_to_str=True),
        "model": model.state_dict(),
        "criterion": None,
        "optimizer_history": [history],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)
