"""The generator that fairseq's commands call: a batch in fairseq's form in, hypotheses in fairseq's form out."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import torch
from torch import Tensor

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.decoding.trace import RowPass, Trace
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.plugin.model import CMLMModel


class CMLMGenerator:
    """fairseq's generator contract over `inference.decode`.

    token_sets    (A, V) bool, the sets that blanks of templates name
    history       keep what every pass read and wrote
    alternatives  how many of the best tokens of each position the history keeps
    """

    def __init__(
        self,
        decoding: Decoding,
        symbols: Symbols,
        *,
        token_sets: Optional[Tensor] = None,
        history: bool = False,
        alternatives: int = 0,
    ) -> None:
        if alternatives and (decoding.searches or not history):
            way_out = f"leave them out with {decoding.strategy}" if history else "ask for it with history=True"
            raise OptionError(f"alternatives={alternatives} stand in the history of a refinement: {way_out}")
        self.decoding = decoding
        self.symbols = symbols
        self._token_sets = token_sets
        self._history, self._alternatives = history, alternatives
        # fairseq's commands read this name; `</s>` is left out of what they print.
        self.symbols_to_strip_from_output = {symbols.eos}

    @torch.no_grad()
    def generate(
        self,
        models: Sequence[CMLMModel],
        sample: dict[str, Any],
        prefix_tokens: Optional[Tensor] = None,
        constraints: Union[Sequence[Template], Tensor, None] = None,
    ) -> list[list[dict[str, Any]]]:
        """Return for each sentence its hypotheses, best first, as dicts.

        prefix_tokens  (B, P) int64, padded: the first words of each target, which are kept
        constraints    the targets, with blanks to fill; they may also come with the sample

        tokens (n,) int64 ending in `</s>`; score, the mean natural log-probability with the length's bonus;
        positional_scores (n,); length, the candidate's; steps, the passes made; with --retain-iter-history, history,
        what each pass read and then what stood there after it, and trace, the same as `RowPass`es.
        """
        if isinstance(constraints, Tensor):
            raise OptionError("--constraints is not for --task translation_cmlm: use --infill, whose blanks are filled")
        source, target = sample["net_input"]["src_tokens"], sample.get("target")
        for model in models:
            model.eval()
        templates = constraints if constraints is not None else sample.get("constraints")
        if prefix_tokens is not None:
            if len(prefix_tokens) != len(source):
                raise OptionError(
                    f"there are {len(prefix_tokens)} prefixes and {len(source)} sentences in the batch: give the hub "
                    "interface one sentence at a time, or use Translator.translate(texts, targets)"
                )
            templates = [self._prompt(prefix) for prefix in prefix_tokens.tolist()]
        sets = self._token_sets if templates is not None else None
        inputs = Inputs(
            source=source,
            gold_lengths=None if target is None else target.ne(self.symbols.pad).sum(1),
            templates=templates,
            token_sets=None if sets is None else sets.to(source.device),
        )
        trace = Trace(self._alternatives) if self._history else None
        found = decode(models, inputs, self.decoding, self.symbols, trace)
        return [self._sentence(found, i, trace) for i in range(len(source))]

    def _prompt(self, prefix: list[int]) -> Template:
        """Return the template that begins with the tokens of a prefix; one that ends in `</s>` leaves nothing open."""
        words = [token for token in prefix if token not in (self.symbols.pad, self.symbols.eos)]
        return Template(words if self.symbols.eos in prefix else [*words, Blank()])

    def _sentence(self, found: Candidates, sentence: int, trace: Optional[Trace]) -> list[dict[str, Any]]:
        """Return the hypotheses of one sentence, without those that are no candidates."""
        hypotheses = []
        for k in range(found.scores.size(1)):
            score = float(found.scores[sentence, k])
            if score == float("-inf"):
                break
            length, row = int(found.lengths[sentence, k]), int(found.rows[sentence, k])
            tokens = found.tokens[sentence, k, :length]
            written = tokens != self.symbols.pad  # a padding that the exact mode predicted is not printed
            passes = None if trace is None else trace.of_row(row, length)
            hypotheses.append(
                {
                    "tokens": tokens[written],
                    "score": score,
                    "positional_scores": found.log_probs[sentence, k, :length][written],
                    "attention": None,
                    "alignment": None,
                    "length": length,
                    "steps": int(found.passes[sentence, k]),
                    "history": None if passes is None else _history(passes),
                    "trace": passes,
                }
            )
        return hypotheses


def _history(passes: list[RowPass]) -> list[dict[str, Tensor]]:
    """Return the states of one row as fairseq has them: before and after each of its passes, each (length,) int64."""
    return [{"tokens": tokens} for made in passes for tokens in (made.read, made.tokens)]
