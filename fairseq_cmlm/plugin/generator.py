"""The generator that fairseq's commands call: length beam, refinement, choice of the candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding import original
from fairseq_cmlm.decoding.candidate_score import best_first, length_bonus, mean_log_probability
from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.length_beam import lengths_around, top_lengths
from fairseq_cmlm.decoding.mask_schedule import linear
from fairseq_cmlm.decoding.prediction import Symbols, average
from fairseq_cmlm.decoding.refinement import Plan, Refined, Snapshot, refine
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.token_search import SEARCH_ORDERS, search
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.plugin.decoding_options import DecodingOptions
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.predictor import Predictor


@dataclass(frozen=True)
class Hypotheses:
    """The decoded candidates of B sentences, K each, best first.

    tokens, confidence  (B, K, T)
    lengths, passes     (B, K) int64
    scores              (B, K), natural log; -inf for a candidate that the length model excludes or that was given up
    rows                (B, K) int64, the rows of the trace
    trace               one snapshot a pass, if kept
    """

    tokens: Tensor
    confidence: Tensor
    lengths: Tensor
    passes: Tensor
    scores: Tensor
    rows: Tensor
    trace: Optional[list[Snapshot]]


class CMLMGenerator:
    """fairseq's generator contract over iterative refinement."""

    def __init__(self, options: DecodingOptions, symbols: Symbols, keep_history: bool) -> None:
        self.options = options
        self.symbols = symbols
        self.keep_history = keep_history
        # fairseq's commands read this name; `</s>` is left out of what they print.
        self.symbols_to_strip_from_output = {symbols.eos}

    @torch.no_grad()
    def generate(
        self,
        models: Sequence[CMLMModel],
        sample: dict[str, Any],
        prefix_tokens: Optional[Tensor] = None,
        constraints: Optional[Tensor] = None,
    ) -> list[list[dict[str, Any]]]:
        """For each sentence its hypotheses, best first, as dicts.

        tokens (n,) int64 ending in `</s>`; score, the mean natural log-probability and the length's bonus;
        positional_scores (n,); length, the candidate's; steps, the passes made; history, with --retain-iter-history:
        what each pass read, then what stood there after it.
        """
        if prefix_tokens is not None or constraints is not None:
            raise OptionError("prefixes and constraints are not for --task translation_cmlm")
        source = sample["net_input"]["src_tokens"]
        for model in models:
            model.eval()
        encoded = [model.encoder(source) for model in models]
        lengths, length_log_probs = self._lengths(models[0], encoded, source, sample.get("target"))
        hypotheses = self._decode(models, encoded, lengths, length_log_probs)
        return [self._sentence(hypotheses, i) for i in range(len(source))]

    def _lengths(
        self, model: CMLMModel, encoded: Sequence[Encoded], source: Tensor, target: Optional[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Candidate lengths (B, K) and their log-probabilities, which are 0 for gold lengths."""
        size, longest = self.options.length_beam, model.max_positions()[1]
        if self.options.gold_target_length:
            if target is None:
                raise OptionError("--gold-target-length needs data with references, and there are none")
            around = original.lengths_around_raised if self.options.original else lengths_around
            lengths = around(target.ne(self.symbols.pad).sum(1), size, longest)
            return lengths, torch.zeros(lengths.shape, device=lengths.device)
        log_probs = average([one.length_logits.float() for one in encoded]).log_softmax(dim=1)
        if self.options.original:
            return original.top_lengths_raised(log_probs, size)
        # A text is never translated by nothing (length 1 is `</s>` alone), and nothing always is.
        empty = source.ne(self.symbols.pad).sum(1) <= 1
        beyond = torch.arange(log_probs.size(1), device=source.device) > 1
        log_probs = log_probs.masked_fill(empty[:, None] & beyond, float("-inf"))
        return top_lengths(log_probs, size, minimum=2 - empty.long())

    def _refine(
        self,
        models: Sequence[CMLMModel],
        encoded: Sequence[Encoded],
        lengths: Tensor,
        bonus: Tensor,
        trace: Optional[list[Snapshot]],
    ) -> Refined:
        """Decode the candidates `lengths` (B, K), with the `bonus` (B, K) of each, as N = B * K rows."""
        options, mask = self.options, self.symbols.mask
        canvas = fully_masked(lengths.flatten(), self.symbols.pad)
        predictor = Predictor(
            [model.decoder for model in models], encoded, lengths.size(1), self.symbols, options.original
        )
        if options.strategy in SEARCH_ORDERS:
            order = SEARCH_ORDERS[options.strategy]
            return search(predictor.best_few, canvas, order, options.beam, mask, trace)
        schedule = original.linear_at_least_one if options.original else linear
        total = options.passes(lengths.flatten().cpu())
        plan = Plan(STRATEGIES[options.strategy], schedule, total, options.exits(), options.contest(bonus))
        return refine(predictor, canvas, plan, mask, trace)

    def _decode(
        self, models: Sequence[CMLMModel], encoded: Sequence[Encoded], lengths: Tensor, length_log_probs: Tensor
    ) -> Hypotheses:
        shape = lengths.shape
        trace: Optional[list[Snapshot]] = [] if self.keep_history else None
        bonus = length_bonus(length_log_probs, lengths, self.options.length_prior or 0.0)
        refined = self._refine(models, encoded, lengths, bonus, trace)
        fillable = torch.arange(refined.tokens.size(1), device=lengths.device) < lengths.flatten()[:, None]
        scores = mean_log_probability(refined.confidence, fillable).view(shape) + bonus
        order = best_first(scores).cpu()
        rows = order + torch.arange(shape[0])[:, None] * shape[1]
        return Hypotheses(
            tokens=refined.tokens.cpu()[rows],
            confidence=refined.confidence.cpu()[rows],
            lengths=lengths.cpu().gather(1, order),
            passes=refined.passes[rows],
            scores=scores.cpu().gather(1, order),
            rows=rows,
            trace=trace,
        )

    def _sentence(self, hypotheses: Hypotheses, sentence: int) -> list[dict[str, Any]]:
        found = []
        for k in range(hypotheses.scores.size(1)):
            score = float(hypotheses.scores[sentence, k])
            if score == float("-inf"):
                break
            length = int(hypotheses.lengths[sentence, k])
            tokens = hypotheses.tokens[sentence, k, :length]
            written = tokens != self.symbols.pad  # a padding that the exact mode predicted is not printed
            found.append(
                {
                    "tokens": tokens[written],
                    "score": score,
                    "positional_scores": hypotheses.confidence[sentence, k, :length][written],
                    "attention": None,
                    "alignment": None,
                    "length": length,
                    "steps": int(hypotheses.passes[sentence, k]),
                    "history": _history(hypotheses.trace, int(hypotheses.rows[sentence, k]), length),
                }
            )
        return found


def _history(trace: Optional[list[Snapshot]], row: int, length: int) -> Optional[list[dict[str, Tensor]]]:
    """The states of one row: before and after each of its passes, each (length,) int64."""
    if trace is None:
        return None
    history = []
    for snapshot in trace:
        for place in (snapshot.rows == row).nonzero().flatten().tolist():
            for tokens in (snapshot.visible, snapshot.tokens):
                history.append({"tokens": tokens[place, :length].cpu()})
    return history
