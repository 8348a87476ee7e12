"""fairseq's translation task with a text pipeline: raw text in and out, and the pipeline in every checkpoint."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional

from fairseq.tasks.translation import TranslationConfig, TranslationTask
from omegaconf import II

from fairseq_cmlm.generated import TEXT_SIGNATURE
from fairseq_cmlm.plugin.blanks import reading_target
from fairseq_cmlm.plugin.data_folder import check_data_folder, refuse_swapped
from fairseq_cmlm.plugin.pipeline_tokenizer import PipelineTokenizer
from fairseq_cmlm.plugin.prepared_text import (
    NONE,
    check_bpe,
    check_post_process,
    check_tokenizer,
    encode,
    folder_pipeline,
    given_pipeline,
)
from fairseq_cmlm.plugin.signatures import show
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME, STATE, agreed, from_json, to_json


@dataclass
class TextConfig(TranslationConfig):
    """Options of fairseq's translation task and of its text pipeline."""

    text_pipeline: Optional[str] = field(
        default=None,
        metadata={
            "help": f"how raw text is prepared: a {FILE_NAME}, for a model that has no text pipeline of its own (in "
            "training: instead of the one in the data folder); `none`: text comes prepared"
        },
    )
    post_process: Optional[str] = II("common_eval.post_process")


class TextTask(TranslationTask):
    """A translation task that knows how its text is prepared.

    text  the text pipeline or None: of the data folder in training, of the checkpoint in decoding
    """

    text: Optional[TextPipeline] = None
    _text_of_data: Optional[TextPipeline] = None
    _tokenizer: Any = None
    target_subwords: Callable[[str], str] = staticmethod(str)

    @classmethod
    def setup_task(cls, cfg: Any, **kwargs: Any) -> "TextTask":
        """Load the dictionaries and the text pipeline of the (first) data folder."""
        check_data_folder(cfg)
        task: TextTask = super().setup_task(cfg, **kwargs)
        task.text = given_pipeline(task.cfg, kwargs.get("from_checkpoint", False))
        task._text_of_data = folder_pipeline(task.cfg)
        return task

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Build the model; for a new one, take the text pipeline of the data folder.

        --eval-bleu scores text joined by the pipeline, unless its own options say how to join.
        """
        if not from_checkpoint:
            self.text = self.text or self._text_of_data
        model = super().build_model(cfg, from_checkpoint)
        by_default = self.cfg.eval_bleu_remove_bpe is None and self.cfg.eval_bleu_detok == "space"
        if self.cfg.eval_bleu and self.text is not None and by_default:
            self.tokenizer = PipelineTokenizer(self.text)
        return model

    def build_tokenizer(self, args: Any) -> Any:
        """Build the tokenizer of fairseq's commands: the model's text pipeline, or the one that the options name."""
        self._tokenizer = args
        if self.text is None:
            return super().build_tokenizer(args)
        check_tokenizer(self.text, getattr(args, "_name", None), args)
        show(TEXT_SIGNATURE, self.text.signature)
        return PipelineTokenizer(self.text, joined=check_post_process(self.text, self.cfg.post_process))

    def build_bpe(self, args: Any) -> Any:
        """Build the BPE of fairseq's commands, after the tokenizer; None if the pipeline does its work."""
        if self.text is None:
            bpe, tokenizer = super().build_bpe(args), super().build_tokenizer(reading_target(self._tokenizer))
            self.target_subwords = lambda text: encode(tokenizer, bpe, text)
            return bpe
        check_bpe(self.text, args, getattr(self._tokenizer, "_name", None))
        self.target_subwords = self.text.target
        return None

    def state_dict(self) -> Dict[str, Any]:
        """Return the state that fairseq saves in a checkpoint: the text pipeline."""
        return {} if self.text is None else {STATE: to_json(self.text)}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """Take the text pipeline of a checkpoint, which must be of this direction."""
        theirs = self._kept(state_dict)
        if theirs is not None:
            languages = list(theirs.sides)
            refuse_swapped((languages[0], languages[-1]), (self.cfg.source_lang, self.cfg.target_lang))
        self.take_text(state_dict)

    def take_text(self, state_dict: Dict[str, Any]) -> None:
        """Take the text pipeline of a checkpoint of either direction.

        It must equal that of the data folder and of other checkpoints.
        """
        theirs = self._kept(state_dict)
        if theirs is None:
            return
        theirs = theirs.renamed(self.cfg.source_lang, self.cfg.target_lang)
        agreed(theirs, self._text_of_data, f"the checkpoint and {self.cfg.data}")
        given = f"--text-pipeline {self.cfg.text_pipeline}" if self.cfg.text_pipeline else "another"
        self.text = agreed(theirs, self.text, f"the checkpoint and {given}")

    def _kept(self, state_dict: Dict[str, Any]) -> Optional[TextPipeline]:
        """Return the text pipeline of a checkpoint; None if it has none, or none is wanted."""
        kept = None if self.cfg.text_pipeline == NONE else state_dict.get(STATE)
        return None if kept is None else from_json(kept, "the text pipeline of the checkpoint")
