"""The model card of a checkpoint of fairseq-train, from what the checkpoint itself holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional

from torch import Tensor

import fairseq_cmlm
from fairseq_cmlm.checkpoints.reading import read_checkpoint
from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.render.card import Told, model_card
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import STATE, from_json

# Buffers that fairseq keeps among the parameters.
_NO_PARAMETERS = ("version", "_float_tensor")
# --task -> what a model of it is, and the lines that use it. `fairseq-interactive` is for models without a Translator.
_CMLM = "A conditional masked language model (Mask-Predict), trained by fairseq_cmlm {version}."
_TRANSLATOR = (
    "from fairseq_cmlm import Translator",
    'print(Translator("{file}", data="DATA").translate(["a text"])[0].text)',
)
_INTERACTIVE = (
    'fairseq-interactive DATA --path {file} --user-dir "$(fairseq-cmlm path)" --task {task} -s {source} -t {target} \\',
    "    --tokenizer text_pipeline --text-pipeline DATA/text.json --input FILE",
)
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "translation_cmlm": (_CMLM, _TRANSLATOR),
    "translation_cmlm_causal": (_CMLM, _INTERACTIVE),
    "translation": ("An autoregressive Transformer, trained by fairseq with fairseq_cmlm {version}.", _INTERACTIVE),
    "translation_lev": ("fairseq's own masked model, trained by fairseq with fairseq_cmlm {version}.", _INTERACTIVE),
}
_DATA = "\n\nDATA is a folder with dict.{source}.txt and dict.{target}.txt, such as the data folder of the training:"


def checkpoint_card(path: Path, told: Told) -> str:
    """Return the card of a checkpoint in Markdown; raise a CheckpointError if its kind of model is unknown."""
    state = read_checkpoint(path, memory_map=True)
    if not state.get("cfg"):
        raise CheckpointError(f"{path} holds no options ('cfg'): it is of a fairseq before 0.11, and has no card")
    options = {name: _plain(section) for name, section in state["cfg"].items()}
    task = options["task"]
    if task["_name"] not in _KINDS:
        raise CheckpointError(f"{path} is a model of --task {task['_name']}, and cards are for {', '.join(_KINDS)}")
    source, target = _languages(task, state.get("task_state") or {})
    words = {"version": fairseq_cmlm.__version__, "file": path.name, "task": task["_name"]}
    words.update(source=source, target=target)
    introduction, usage = _KINDS[task["_name"]]
    return model_card(
        "From {source} to {target}".format(**words),
        (introduction + _DATA).format(**words),
        [line.format(**words) for line in usage],
        _facts(state, options),
        told,
    )


def _languages(task: Mapping[str, Any], task_state: Mapping[str, Any]) -> tuple[str, str]:
    """Return the languages of the training, or of its text pipeline if fairseq-train had no -s and -t."""
    pipeline = _pipeline(task_state)
    source, *_, target = pipeline.sides if pipeline and len(pipeline.sides) > 1 else ("SOURCE", "TARGET")
    return task["source_lang"] or source, task["target_lang"] or target


def _pipeline(task_state: Mapping[str, Any]) -> Optional[TextPipeline]:
    return from_json(task_state[STATE], "the checkpoint") if task_state.get(STATE) else None


def _plain(section: Any) -> Mapping[str, Any]:
    """Return options as a mapping: fairseq saves them as one, or as a Namespace."""
    return section if isinstance(section, dict) else dict(vars(section)) if section is not None else {}


def _facts(state: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the facts for the table, name -> value."""
    model, task = options["model"], options["task"]
    layers, features = f"{model['encoder_layers']}+{model['decoder_layers']}", model["decoder_embed_dim"]
    return {
        "network": f"{model['_name']}: {layers} layers, {features} features, {model['decoder_ffn_embed_dim']} in the "
        f"feed-forward layers, {model['decoder_attention_heads']} heads; {_parameters(state['model']):,} parameters",
        "vocabulary of the target": f"{_words(state['model']):,}",
        "longest source and target": f"{task['max_source_positions']} and {task['max_target_positions']} tokens",
        "trained with": _training(options),
        "updates": _updates(state, options),
        "begun with": _begin(model.get("init_from")),
        "text": _text(state.get("task_state") or {}),
    }


def _parameters(model: Mapping[str, Tensor]) -> int:
    """Return the number of parameters; those that are tied count once."""
    own = {
        (value.data_ptr(), value.shape): value.numel()
        for name, value in model.items()
        if value.is_floating_point() and name.rpartition(".")[2] not in _NO_PARAMETERS
    }
    return sum(own.values())


def _words(model: Mapping[str, Tensor]) -> int:
    """Return the number of words that the decoder can write, symbols included."""
    names = ("decoder.embedding.tokens.weight", "decoder.embed_tokens.weight")
    return next(model[name].shape[0] for name in names if name in model)


def _training(options: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the criterion, and the options that a reader would ask for first."""
    criterion = options["criterion"]
    told = {
        "objective": criterion.get("objective"),
        "noising": criterion.get("noising"),
        "training-dtype": criterion.get("training_dtype"),
        "lr": options["optimization"]["lr"][0],
        "dropout": options["model"]["dropout"],
        "label-smoothing": criterion.get("label_smoothing"),
        "seed": options["common"]["seed"],
    }
    words = [f"--{name} {value}" for name, value in told.items() if value is not None]
    return f"`--criterion {criterion['_name']} {' '.join(words)}`"


def _updates(state: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how many updates the model has had, and how many tokens each read."""
    updates = state["optimizer_history"][-1]["num_updates"]
    processes = options["distributed_training"]["distributed_world_size"]
    tokens, steps = options["dataset"]["max_tokens"], options["optimization"]["update_freq"][0]
    batch = f" of at most {tokens * steps * processes:,} tokens" if tokens else ""
    return f"{updates:,}{batch}"


def _begin(init_from: Optional[str]) -> str:
    """Return what the parameters were before the first update."""
    return f"the parameters of {'/'.join(Path(init_from).parts[-2:])}" if init_from else "random parameters"


def _text(task_state: Mapping[str, Any]) -> str:
    """Return the signature of the text pipeline in the checkpoint."""
    pipeline = _pipeline(task_state)
    return pipeline.signature if pipeline else "as the text.json in DATA says"
