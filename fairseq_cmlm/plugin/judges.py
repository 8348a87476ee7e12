"""The judges of candidates in fairseq's commands and in a Translator: the models of --rescore-with and --plan-with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Optional, Sequence

from fairseq import checkpoint_utils, utils
from torch import nn

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.inference.left_to_right import LeftToRight
from fairseq_cmlm.inference.readers import Judge, Judges
from fairseq_cmlm.options import signed_file
from fairseq_cmlm.plugin.autoregressive import Autoregressive, load_transformer, task_of
from fairseq_cmlm.plugin.beam_search import BeamSearch
from fairseq_cmlm.plugin.causal_model import CausalModel, refuse_not_causal
from fairseq_cmlm.text.subword_marks import joined


class _Loaded(NamedTuple):
    """A model that reads from left to right: as a judge, and as fairseq searches with it."""

    judge: Judge
    model: nn.Module
    dictionary: Any


class LoadedJudges:
    """The judges of a task. Each checkpoint is loaded once, however many generators and options use it."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}

    def of(self, decoding: Decoding, task: Any) -> Judges:
        """Return the judges of a decoding, with the dictionaries of `task`."""
        searcher = self._load("--search-with", decoding.search_with, task)
        verifier = self._load("--verify-with", decoding.verify_with, task)
        rescorer = self._load("--rescore-with", decoding.rescore_with, task)
        planner = self._load("--plan-with", decoding.plan_with, task)
        return Judges(
            rescorer=rescorer and rescorer.judge,
            planner=planner and planner.judge,
            searcher=searcher and BeamSearch(searcher.model, searcher.dictionary, decoding.beam),
            verifier=verifier and verifier.judge,
            text=lambda tokens: text_for_chrf(tokens, task.target_dictionary),
        )

    def _load(self, flag: str, name: Optional[str], task: Any) -> Optional[_Loaded]:
        if name is None:
            return None
        path = Path(name)
        key = signed_file(path) if path.is_file() else ""
        if key not in self._loaded:
            self._loaded[key] = _load(flag, path, task)
        return self._loaded[key]


def load_judge(flag: str, path: Path, task: Any) -> Judge:
    """Load the model that the option `flag` names, to read candidates with the dictionaries of `task`."""
    return _load(flag, path, task).judge


def _load(flag: str, path: Path, task: Any) -> _Loaded:
    """Load the model of a checkpoint: fairseq's Transformer or a model of `--objective hybrid`."""
    if task_of(path) == "translation_cmlm":
        ((model,), _) = checkpoint_utils.load_model_ensemble([str(path)], task=task)
        refuse_not_causal(model, f"{flag} {path}")
        model.eval()
        dictionary = task.target_dictionary
        return _Loaded(LeftToRight(model, task.symbols), CausalModel(model, dictionary.mask_index), dictionary)
    folder, languages = utils.split_paths(task.cfg.data)[0], (task.cfg.source_lang, task.cfg.target_lang)
    its_task, model = load_transformer(path, Path(folder), languages, flag)
    return _Loaded(Autoregressive(model, task.target_dictionary.eos()), model, its_task.target_dictionary)


def text_for_chrf(tokens: Sequence[int], dictionary: Any) -> str:
    """Return the text of a target for chrF: subwords joined, without `</s>` and white space."""
    return joined([dictionary[token] for token in tokens if token != dictionary.eos()])
