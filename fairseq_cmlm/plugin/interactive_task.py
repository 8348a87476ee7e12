"""The part of a task that fairseq-interactive needs: reading lines, perhaps with blanks, and writing their text."""

from typing import Any, Callable, List, Optional, Sequence, Tuple

import torch
from fairseq.data import LanguagePairDataset

from fairseq_cmlm.decoding.template import Template
from fairseq_cmlm.plugin.blanks import TemplateReader, WithTemplates
from fairseq_cmlm.plugin.text_task import TextTask
from fairseq_cmlm.plugin.typed_text import TypedText
from fairseq_cmlm.plugin.unknown_words import warn_of_unknown_words


class InteractiveTask(TextTask):
    """A task whose datasets know the numbers of the lines that were read, and the templates in them.

    templates  reads targets with blanks
    printed    hypotheses that are printed of each sentence
    """

    cfg: Any
    templates: TemplateReader
    printed = 1
    _first_line = _next_line = 1
    _read_templates: Sequence[Template] = ()
    _typed: Optional[TypedText] = None
    _warned_of_words = False
    _joined_subwords: Callable[[str], str] = staticmethod(str)

    def build_dataset_for_inference(
        self, src_tokens: List[torch.Tensor], src_lengths: List[int], constraints: Optional[torch.Tensor] = None
    ) -> LanguagePairDataset:
        """Return a dataset of sentences of fairseq-interactive or of the hub interface."""
        dataset = super().build_dataset_for_inference(src_tokens, src_lengths, constraints)
        dataset.first_line = self._first_line
        return WithTemplates(dataset, self._read_templates) if self._read_templates else dataset

    def get_interactive_tokens_and_lengths(self, lines: Sequence[str], encode_fn: Any) -> Tuple[List[Any], List[int]]:
        """Return the tokens and lengths of the next lines that fairseq-interactive has read."""
        self._first_line, self._next_line = self._next_line, self._next_line + len(lines)
        self._read_templates = ()
        if self._typed is not None:
            self._typed.drop()
        if self.cfg.infill:
            lines, self._read_templates = self.templates.read_lines(lines, self._first_line, self.target_subwords)
        tokens, lengths = super().get_interactive_tokens_and_lengths(lines, encode_fn)
        if not self._warned_of_words:
            self._warned_of_words = warn_of_unknown_words(lines, tokens, self.source_dictionary.unk(), encode_fn)
        return tokens, lengths

    def build_tokenizer(self, args: Any) -> Any:
        """Build the tokenizer of fairseq's commands; with --infill it leaves given words as they were typed."""
        tokenizer = super().build_tokenizer(args)
        if self.cfg.infill and tokenizer is not None:  # without one, words are as they were typed
            self._typed = TypedText(tokenizer, self._target_words)
        return self._typed or tokenizer

    def build_bpe(self, args: Any) -> Any:
        """Build the BPE of fairseq's commands, after the tokenizer."""
        bpe = super().build_bpe(args)
        if bpe is not None:
            self._joined_subwords = bpe.decode
        return bpe

    def _target_words(self, tokens: torch.Tensor) -> str:
        """Return the words of target ids (n,), as fairseq-interactive hands them to the tokenizer."""
        return self._joined_subwords(self.target_dictionary.string(tokens, self.cfg.post_process))

    def inference_step(
        self, generator: Any, models: Any, sample: Any, prefix_tokens: Any = None, constraints: Any = None
    ) -> Any:
        """Decode a batch; keep what fills the templates of fairseq-interactive until it is printed."""
        sentences = super().inference_step(generator, models, sample, prefix_tokens, constraints)
        if self._typed is not None and constraints is not None:
            lines = {id(template): line for line, template in enumerate(self._read_templates)}
            for template, hypotheses in zip(constraints, sentences):
                self._typed.keep(lines[id(template)], hypotheses[: self.printed])
        return sentences
