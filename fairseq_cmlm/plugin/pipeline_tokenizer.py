"""A text pipeline as a tokenizer of fairseq."""

from dataclasses import dataclass, field
from typing import Optional

from fairseq.data.encoders import register_tokenizer
from fairseq.dataclass import FairseqDataclass
from omegaconf import II

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.generated import TEXT_SIGNATURE
from fairseq_cmlm.plugin.prepared_text import check_post_process, given_pipeline
from fairseq_cmlm.plugin.signatures import show
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME


class PipelineTokenizer:
    """A pipeline as a tokenizer of fairseq, which also does the work of fairseq's BPE.

    joined  whether --post-process has already joined the subwords
    """

    def __init__(self, pipeline: TextPipeline, joined: bool = False) -> None:
        self._pipeline, self._joined = pipeline, joined

    def encode(self, x: str) -> str:
        """Return the subwords of a source text."""
        return self._pipeline.source(x)

    def decode(self, x: str) -> str:
        """Return the text of a translation."""
        return self._pipeline.ends[1].join_words(x) if self._joined else self._pipeline.text(x)


@dataclass
class TextPipelineConfig(FairseqDataclass):
    """Options of `--tokenizer text_pipeline`, for fairseq's own tasks."""

    text_pipeline: Optional[str] = field(default=None, metadata={"help": f"the {FILE_NAME} of the training data"})
    source_lang: Optional[str] = field(default=None, metadata={"help": "source language"})
    target_lang: Optional[str] = field(default=None, metadata={"help": "target language"})
    post_process: Optional[str] = II("common_eval.post_process")


@register_tokenizer("text_pipeline", dataclass=TextPipelineConfig)
class GivenPipelineTokenizer(PipelineTokenizer):
    """The pipeline of a file, for models of fairseq's own tasks."""

    def __init__(self, cfg: TextPipelineConfig) -> None:
        pipeline = given_pipeline(cfg)
        if pipeline is None:
            raise OptionError(f"--tokenizer text_pipeline needs --text-pipeline FILE, the {FILE_NAME} of the data")
        super().__init__(pipeline, joined=check_post_process(pipeline, cfg.post_process))
        show(TEXT_SIGNATURE, pipeline.signature)
