"""Documents from Python: many paragraphs, of any length in all, read in windows that the model can read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Optional, Sequence

import torch

from fairseq_cmlm.decoding.lengths import LengthCandidates
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.paragraphs import Page, Script, paragraph_lengths, write_pages
from fairseq_cmlm.inference.windows import OpenDocument, Paragraph, Window, open_documents, texts_of, write_all
from fairseq_cmlm.options import flag_of
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.plugin.paragraph_mark import check_documents, check_sizes, mark_of, most_tokens
from fairseq_cmlm.text.paragraphs import in_one_line
from fairseq_cmlm.translator import Translator

__all__ = ["WAYS", "DocumentTranslator", "TranslatedDocument"]

# How a document is read -> paragraphs of a window that are written at once; None: all.
WAYS: dict[str, Optional[int]] = {"windows": None, "blocks": 1, "paragraphs": None}
# What acts on paragraphs as on sentences. The other options are refused.
_OPTIONS = {
    *("preset", "strategy", "iterations", "mask_schedule", "length_beam", "length_prior", "length_scale", "dtype"),
    *("iterations_per_token", "stop_unchanged", "stop_entropy", "confidence_threshold", "entropy_bound"),
    *("edit_threshold", "desmooth", "order", "eta", "beam"),
}


@dataclass(frozen=True)
class TranslatedDocument:
    """The translations of a document's paragraphs, one for each.

    passes   of the decoder, in all windows together
    windows  in how many the document was read
    """

    paragraphs: list[str]
    passes: int
    windows: int


class DocumentTranslator(Translator):
    """A model of the format `documents`, or several. It can translate single texts as well."""

    def translate_documents(
        self,
        documents: Sequence[Sequence[str]],
        *,
        way: str = "windows",
        longest: Optional[int] = None,
        max_tokens: int = 2000,
        **options: Any,
    ) -> list[TranslatedDocument]:
        """Translate documents, each a list of its paragraphs, of any length.

        way         `windows`: as many paragraphs as the model can read are read together, and written at once;
                    `blocks`: the same, written one after the other; `paragraphs`: each is read alone
        longest     tokens of a window, source and target each (default: what a hundred texts of the training reach, or
                    all that the model can read where the checkpoint does not tell)
        max_tokens  source tokens in a batch, padding included; the longest window fits always
        options     of decoding, as in :meth:`translate`; those that choose among whole translations are refused

        A paragraph of more tokens than a window is read alone, with a warning; one of more tokens than the model can
        read is a TextError: it would have to be split.
        """
        if way not in WAYS:
            raise OptionError(f"way '{way}' is none of {', '.join(WAYS)}")
        check_documents(documents)
        wanted = _checked(Decoding.of(**{"dtype": self._dtype, **options}))
        decoding = self._task.generator(self._models, wanted).decoding
        for model in self._models:
            model.eval()
            model.lay_out()
        script = Script(decoding, self._task.symbols, mark_of(self._task.target_dictionary), WAYS[way])
        source, target = (min(sizes) for sizes in zip(*(model.max_positions() for model in self._models)))
        most = most_tokens(longest, (source, target), self._task.longest)
        pending = self._opened(documents, (source, target), decoding, max_tokens)
        check_sizes(pending, most, source, self._task.longest)
        write_all(pending, way == "paragraphs", most, partial(self._write, script, max_tokens))
        return [TranslatedDocument(list(map(self._joined, one.written)), one.passes, one.windows) for one in pending]

    def _opened(
        self, documents: Sequence[Sequence[str]], limits: tuple[int, int], decoding: Decoding, max_tokens: int
    ) -> list[OpenDocument]:
        """Read all paragraphs, each alone, for the length of its translation; both have at most `limits` tokens."""
        texts = [paragraph for document in documents for paragraph in document]
        encoded = encoded_texts(texts, self._text.source, self._task.source_dictionary, limits[0], cut=True)
        found: dict[int, Paragraph] = {}
        models: Any = self._models
        for numbers, source in encoded.batches(max_tokens, self._device):
            predicted = paragraph_lengths(models, source, self._task.symbols.pad, decoding)
            for row, number in enumerate(numbers):
                lengths, log_probs = (part[row : row + 1].cpu() for part in predicted)
                lengths = lengths.clamp(max=limits[1])
                size = len(encoded.rows[number]) - 1 + encoded.cut[number]  # what is too long is refused later
                candidates = LengthCandidates(lengths, log_probs)
                found[number] = Paragraph(texts[number], size, int(lengths.max()) - 1, candidates)
        return open_documents(documents, (found[number] for number in range(len(texts))))

    def _write(
        self, script: Script, max_tokens: int, pending: Sequence[OpenDocument], windows: Sequence[Window]
    ) -> None:
        """Write a window of each document."""
        texts = list(map(in_one_line, texts_of(pending, windows)))
        limit = min(model.max_positions()[0] for model in self._models)
        encoded = encoded_texts(texts, self._text.source, self._task.source_dictionary, limit, cut=False)
        models: Any = self._models
        for numbers, source in encoded.batches(max_tokens, self._device):
            pages = [_page(pending[i], windows[i], script.decoding) for i in numbers]
            write_pages(models, source, pages, script)
            for i, page in zip(numbers, pages):
                pending[i].take(page.written, page.passes)

    def _joined(self, tokens: list[int]) -> str:
        return self._words.text(torch.tensor(tokens, dtype=torch.long))


def _page(document: OpenDocument, window: Window, decoding: Decoding) -> Page:
    lengths = [one.lengths for one in document.paragraphs[window.begin : window.end] if one.lengths is not None]
    candidates = LengthCandidates(*(torch.cat(parts) for parts in zip(*lengths)))
    return Page(document.written[window.first : window.begin], candidates, decoding)


def _checked(decoding: Decoding) -> Decoding:
    """Return a decoding that is possible for paragraphs; another is an OptionError."""
    for one in fields(Decoding):
        if one.name not in _OPTIONS and getattr(decoding, one.name) != one.default:
            raise OptionError(f"{flag_of(one)} {getattr(decoding, one.name)} is not for documents: leave it out")
    if decoding.searches or STRATEGIES[decoding.strategy].random:
        raise OptionError(f"--decoding-strategy {decoding.strategy} is not for documents: take another")
    return decoding
