"""Documents by fairseq's autoregressive Transformer, in windows as by a masked model.

It does not predict lengths: a window is filled as if each translation were as long as its source.
"""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any, NamedTuple, Optional, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.inference.windows import OpenDocument, Paragraph, Window, open_documents, texts_of, write_all
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.plugin.paragraph_mark import check_documents, check_sizes, mark_of, most_tokens
from fairseq_cmlm.plugin.prepared_transformer import PreparedTransformer
from fairseq_cmlm.text.paragraphs import in_one_line


class WrittenDocuments(NamedTuple):
    """The paragraphs of documents, and how many windows had more or fewer of them than asked for.

    Paragraphs too many are joined to the last one of the window, those that lack are empty. A pass is a token.
    """

    texts: list[list[str]]
    passes: list[int]
    windows: int
    miscounted: int


class AutoregressiveDocuments(PreparedTransformer):
    """A Transformer of the format `documents`."""

    def translate_documents(
        self,
        documents: Sequence[Sequence[str]],
        *,
        way: str = "windows",
        longest: Optional[int] = None,
        max_tokens: int = 2000,
        beam: int = 5,
    ) -> WrittenDocuments:
        """Translate documents as `DocumentTranslator` does; paragraphs that stand are the prefix of a window's target.

        way  `windows`, or each of the `paragraphs` alone
        """
        check_documents(documents)
        limits = self._model.encoder.max_positions(), self._model.decoder.max_positions()
        most = most_tokens(longest, limits, None)
        texts = [paragraph for document in documents for paragraph in document]
        encoded = encoded_texts(texts, self._text.source, self._task.source_dictionary, limits[0], cut=True)
        sizes = [len(row) - 1 + cut for row, cut in zip(encoded.rows, encoded.cut)]
        pending = open_documents(documents, (Paragraph(text, size, size) for text, size in zip(texts, sizes)))
        job = _Job(self._task.build_generator([self._model], Namespace(beam=beam, max_len_a=2, max_len_b=10)), [])
        check_sizes(pending, most, limits[0])
        write_all(pending, way == "paragraphs", most, partial(self._write, job, max_tokens))
        return WrittenDocuments(
            [list(map(self._joined, one.written)) for one in pending],
            [one.passes for one in pending],
            sum(one.windows for one in pending),
            sum(job.miscounted),
        )

    def _joined(self, tokens: list[int]) -> str:
        return self._text.text(self._task.target_dictionary.string(torch.tensor(tokens, dtype=torch.long)))

    def _write(self, job: _Job, max_tokens: int, pending: Sequence[OpenDocument], windows: Sequence[Window]) -> None:
        """Write a window of each document."""
        target = self._task.target_dictionary
        mark = mark_of(target)
        lines = list(map(in_one_line, texts_of(pending, windows)))
        longest = self._model.encoder.max_positions()
        encoded = encoded_texts(lines, self._text.source, self._task.source_dictionary, longest, cut=False)
        for numbers, source in encoded.batches(max_tokens, self._device):
            given = [pending[i].written[windows[i].first : windows[i].begin] for i in numbers]
            prefixes = [[token for tokens in some for token in (*tokens, mark)] for some in given]
            for i, prefix, tokens in zip(numbers, prefixes, self._generate(job.generator, source, prefixes)):
                own = tokens[len(prefix) :]
                wanted = windows[i].end - windows[i].begin
                found = split(own[:-1], mark)
                job.miscounted.append(len(found) != wanted)
                pending[i].take(counted(found, wanted), len(own))

    def _generate(self, generator: Any, source: Tensor, prefixes: Sequence[list[int]]) -> list[list[int]]:
        """Return the best target of each source (B, S), `</s>` included, which begins with its prefix."""
        pad = self._task.target_dictionary.pad()
        rows = [torch.tensor(prefix, dtype=torch.long) for prefix in prefixes]
        given = pad_sequence(rows, batch_first=True, padding_value=pad).to(self._device) if any(prefixes) else None
        lengths = source.ne(self._task.source_dictionary.pad()).sum(1)
        sample = {"net_input": {"src_tokens": source, "src_lengths": lengths}}
        found = self._task.inference_step(generator, [self._model], sample, prefix_tokens=given)
        return [hypotheses[0]["tokens"].tolist() for hypotheses in found]


class _Job(NamedTuple):
    """fairseq's generator, and for each window whether its paragraphs were miscounted."""

    generator: Any
    miscounted: list[bool]


def split(tokens: Sequence[int], mark: int) -> list[list[int]]:
    """Split tokens at a mark.

    >>> split([5, 9, 6, 7, 9], mark=9)
    [[5], [6, 7], []]
    """
    found: list[list[int]] = [[]]
    for token in tokens:
        if token == mark:
            found.append([])
        else:
            found[-1].append(token)
    return found


def counted(paragraphs: Sequence[list[int]], number: int) -> list[list[int]]:
    """Return so many paragraphs: those too many are joined to the last, those that lack are empty.

    >>> counted([[5], [6], [7]], 2), counted([[5]], 2)
    ([[5], [6, 7]], [[5], []])
    """
    kept = [*paragraphs[: number - 1], [token for one in paragraphs[number - 1 :] for token in one]]
    return [*kept, *[[]] * (number - len(kept))][:number]
