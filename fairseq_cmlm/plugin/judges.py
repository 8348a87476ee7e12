"""Who judges the candidates of fairseq's commands and of a Translator: the models of two options, and the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Sequence

from fairseq import checkpoint_utils, utils

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.inference.left_to_right import LeftToRight
from fairseq_cmlm.inference.readers import Judge, Judges
from fairseq_cmlm.options import signed_file
from fairseq_cmlm.plugin.autoregressive import Autoregressive, load_transformer
from fairseq_cmlm.plugin.blanks import BEGINS, CONTINUES
from fairseq_cmlm.training.objectives import OBJECTIVES


class LoadedJudges:
    """The judges of a task. A checkpoint is loaded once, whatever generators and options ask for it."""

    def __init__(self) -> None:
        self._loaded: dict[str, Judge] = {}

    def of(self, decoding: Decoding, task: Any) -> Judges:
        """Return the judges of a decoding, with the dictionaries of `task`."""
        return Judges(
            rescorer=self._judge("--rescore-with", decoding.rescore_with, task),
            planner=self._judge("--plan-with", decoding.plan_with, task),
            text=lambda tokens: letters(tokens, task.target_dictionary),
        )

    def _judge(self, flag: str, name: Optional[str], task: Any) -> Optional[Judge]:
        if name is None:
            return None
        path = Path(name)
        key = signed_file(path) if path.is_file() else ""
        if key not in self._loaded:
            self._loaded[key] = _load(flag, path, task)
        return self._loaded[key]


def _load(flag: str, path: Path, task: Any) -> Judge:
    """Load the model of a checkpoint: one of `--objective hybrid`, or else fairseq's Transformer."""
    if path.is_file() and "dictionary_version" in checkpoint_utils.load_checkpoint_to_cpu(str(path))["model"]:
        ((model,), _) = checkpoint_utils.load_model_ensemble([str(path)], task=task)
        if not OBJECTIVES[model.objective].causal:
            fit = [name for name, row in OBJECTIVES.items() if row.causal]
            raise CheckpointError(
                f"{flag} {path} was trained with --objective {model.objective} and does not read from left to right: "
                f"give a model of --objective {' or '.join(fit)}, or fairseq's autoregressive Transformer"
            )
        return LeftToRight(model.eval())
    folder, languages = utils.split_paths(task.cfg.data)[0], (task.cfg.source_lang, task.cfg.target_lang)
    _, model = load_transformer(path, Path(folder), languages, flag)
    return Autoregressive(model, task.target_dictionary.eos())


def letters(tokens: Sequence[int], dictionary: Any) -> str:
    """Return the text of a target as chrF sees it: without white space, subwords joined, and without `</s>`."""
    symbols = [dictionary[token] for token in tokens if token != dictionary.eos()]
    return "".join(symbol.removesuffix(CONTINUES).removeprefix(BEGINS) for symbol in symbols)
