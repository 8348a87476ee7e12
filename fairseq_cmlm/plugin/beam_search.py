"""The beam search of fairseq over an autoregressive model, whose hypotheses join the candidates of a masked one."""

from __future__ import annotations

from typing import Any

import torch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.errors import ModelError
from fairseq_cmlm.inference.pool import Hypotheses


class BeamSearch:
    """A searcher (inference/pool.py): the hypotheses of fairseq-generate --beam BEAM."""

    def __init__(self, model: nn.Module, dictionary: Any, beam: int) -> None:
        self._model, self._dictionary, self._beam = model, dictionary, beam

    @torch.no_grad()
    def search(self, source: Tensor) -> Hypotheses:
        """Return the hypotheses of the source (B, S), each ending in `</s>`, best first."""
        model, pad = self._model.to(source.device), self._dictionary.pad()
        generator = SequenceGenerator([model], self._dictionary, beam_size=self._beam)
        lengths = source.ne(pad).sum(1)
        try:
            found = generator.generate([model], {"net_input": {"src_tokens": source, "src_lengths": lengths}})
        except AssertionError as error:  # nothing is likely enough to be kept, until the steps run out
            raise ModelError(
                f"the search of --search-with found nothing ({error}): the autoregressive model's outputs are not "
                "numbers (NaN), it diverged in training; use an earlier checkpoint of it"
            ) from None
        rows = [(one["tokens"], one["positional_scores"]) for sentence in found for one in sentence]
        tokens = pad_sequence([one.to(source.device) for one, _ in rows], batch_first=True, padding_value=pad)
        log_probs = pad_sequence([one.to(source.device) for _, one in rows], batch_first=True)
        return Hypotheses(*(self._by_sentence(part, found, fill) for part, fill in ((tokens, pad), (log_probs, 0.0))))

    def _by_sentence(self, part: Tensor, found: list[list[Any]], fill: float) -> Tensor:
        """Return the rows (N, T) of all hypotheses as (B, M, T); a sentence with fewer than M gets rows of `fill`."""
        numbers = torch.tensor([i * self._beam + k for i, one in enumerate(found) for k in range(len(one))])
        whole = part.new_full((len(found) * self._beam, part.size(1)), fill)
        return whole.index_copy(0, numbers.to(part.device), part).view(len(found), self._beam, -1)
