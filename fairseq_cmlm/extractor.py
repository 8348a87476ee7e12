"""Extraction from Python: the stretch of a text that is the best target, the likeliest for its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.inference.spans import Context, Search, best_spans
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.text.subword_marks import word_borders
from fairseq_cmlm.translator import Translator

__all__ = ["Extract", "Extractor", "Search"]


@dataclass(frozen=True)
class Extract:
    """A stretch of a context.

    text   the words of the span, joined by the model's text pipeline; empty if there is no span
    score  its log-likelihood as the target, natural log, from `Search.passes` passes, over its length as `Search` says
    cut    number of tokens cut off the end of the source
    """

    text: str
    score: float
    cut: int


class Extractor(Translator):
    """A trained model that finds the span of a text that answers best. It can also translate."""

    def extract(
        self,
        sources: Sequence[str],
        contexts: Sequence[str],
        *,
        search: Search = Search(),  # noqa: B008  immutable
        cut: bool = False,
        max_tokens: int = 4000,
    ) -> list[Extract]:
        """Return for each of `sources` the span of whole words in its context that is the best target.

        sources     question and context as in training, which the model reads
        search      longest span, in tokens, and how spans are compared
        cut         cut sources that are too long, which raise a TextError otherwise
        max_tokens  source tokens in a batch, padding included
        """
        model: Any = self._single("choice among spans")
        search.check()
        if len(contexts) != len(sources):
            raise TextError(f"there are {len(sources)} sources and {len(contexts)} contexts: they must be parallel")
        symbols, most = self._task.symbols, model.max_positions()[0]
        learned = self._task.longest and self._task.longest[0]
        encoded = encoded_texts(sources, self._text.source, self._task.source_dictionary, most, cut, learned)
        found: dict[int, tuple[str, float]] = {}
        for numbers, source in encoded.batches(max_tokens, self._device):
            context = self._context([contexts[i] for i in numbers], [encoded.cut[i] for i in numbers])
            spans = best_spans(model, source, context, search, symbols.mask, symbols.eos)
            for row, number in enumerate(numbers):
                first, size = int(spans.first[row, 0]), int(spans.size[row, 0])
                text = self._words.text(context.tokens[row, first : first + size].cpu()) if size else ""
                found[number] = (text, float(spans.scores[row, 0]))
        return [Extract(*found[i], left_out) for i, left_out in enumerate(encoded.cut)]

    def _context(self, texts: Sequence[str], cut: Sequence[int]) -> Context:
        """Return the contexts as target tokens; spans consist of whole words that the model can write.

        cut  number of tokens at the end of each source, and so of its context, that the model does not read
        """
        target = self._task.target_dictionary
        rows = [self._text.target(text).split() for text in texts]
        rows = [row[: max(0, len(row) - left_out)] for row, left_out in zip(rows, cut)]
        ids = [torch.tensor([target.index(token) for token in row], dtype=torch.long) for row in rows]
        tokens = pad_sequence(ids, batch_first=True, padding_value=target.pad()).to(self._device)
        begins, ends = (self._flags(part, tokens) for part in zip(*map(word_borders, rows)))
        known = tokens.ne(target.unk()) & tokens.ne(target.pad())
        return Context(tokens, known, begins, ends)

    def _flags(self, rows: Sequence[list[bool]], like: Tensor) -> Tensor:
        return pad_sequence([torch.tensor(row, dtype=torch.bool) for row in rows], batch_first=True).to(like.device)
