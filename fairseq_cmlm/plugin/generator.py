"""The generator that fairseq's commands call, from a batch of fairseq to hypotheses of fairseq."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any, Optional, Sequence, Union

import torch
from torch import Tensor

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.decoding.trace import RowPass, Trace
from fairseq_cmlm.decoding.transfer import sent
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.given_words import GivenWords
from fairseq_cmlm.inference.captured import CapturedPasses
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.readers import NOBODY, Judges
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.plugin.long_texts import LongTexts
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.summary import PassCounter


class CMLMGenerator:
    """A generator, as fairseq expects it, over `inference.decode`.

    judges      other models that plan or compare
    token_sets  (A, V) bool, the token sets that blanks of templates name
    captured    the recorded passes of earlier generators, for --capture-passes
    history     keep what every pass read and wrote
    longest     tokens of source and target that the models have learned: of what is longer there is a warning
    """

    def __init__(
        self,
        decoding: Decoding,
        symbols: Symbols,
        judges: Judges = NOBODY,
        *,
        token_sets: Optional[Tensor] = None,
        captured: Optional[CapturedPasses] = None,
        history: bool = False,
        longest: Optional[tuple[int, int]] = None,
    ) -> None:
        self.decoding = decoding
        self.symbols = symbols
        self.counter = PassCounter()
        self._token_sets = token_sets
        self._captured = (captured or CapturedPasses()) if decoding.capture_passes else None
        self._history, self._judges, self._long = history, judges, LongTexts(longest)
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
        constraints    targets with blanks to fill; they may also come with the sample

        A sample may also have "draft", the draft of its one sentence to go on from, and "trace", which receives every
        pass. The keys of a hypothesis:

        tokens             (n,) int64, ending in `</s>`
        score, scores      the ranking score, and name -> score of each chooser, natural log
        positional_scores  (n,) log-probabilities, natural log
        length, bonus      the candidate's length, and the length's part in the score
        number             the place among the candidates before ranking
        steps              the number of passes that wrote it
        passes             in the first hypothesis: the number of passes made for the sentence, one after the other
        history, trace     with --retain-iter-history: the canvas before and after each pass, and its `RowPass`
        given, fillable    the given words as they were typed, or None; (n,) bool, whether a token is not one of them
        given_up           in the first hypothesis: the candidates that were given up, in the same form, with score -inf
        """
        if isinstance(constraints, Tensor):
            raise OptionError("--constraints is not for --task translation_cmlm: use --infill, whose blanks are filled")
        for model in models:
            model.eval()
            model.lay_out()
        inputs, trace = self._inputs(sample, prefix_tokens, constraints), self._trace(sample)
        with nullcontext() if self._captured is None else self._captured.lock:
            found = decode(models, inputs, self.decoding, self.symbols, trace, self._judges, self._captured)
        self._long.warn(inputs.source.size(1), int(found.lengths[:, 0].max()))
        typed = [one.typed for one in inputs.templates or ()] or [None] * len(inputs.source)
        sentences = [self._sentence(found, i, trace, given) for i, given in enumerate(typed)]
        self.counter.count(sentences)
        return sentences

    def _inputs(
        self, sample: dict[str, Any], prefix_tokens: Optional[Tensor], constraints: Optional[Sequence[Template]]
    ) -> Inputs:
        """Return what is decoded: the sources, and what of the targets is given."""
        source, target = sample["net_input"]["src_tokens"], sample.get("target")
        templates = constraints if constraints is not None else sample.get("constraints")
        if prefix_tokens is not None:
            if len(prefix_tokens) != len(source):
                raise OptionError(
                    f"there are {len(prefix_tokens)} prefixes and {len(source)} sentences in the batch: give the hub "
                    "interface one sentence at a time, or use Translator.translate(texts, targets)"
                )
            templates = [self._prompt(prefix) for prefix in prefix_tokens.tolist()]
        sets = self._token_sets if templates is not None else None
        return Inputs(
            source=source,
            gold_lengths=None if target is None else target.ne(self.symbols.pad).sum(1),
            templates=templates,
            token_sets=None if sets is None else sent(sets, source.device),
            draft=sample.get("draft"),
        )

    def _trace(self, sample: dict[str, Any]) -> Optional[Trace]:
        """Return what receives the passes, if anything does."""
        trace = sample.get("trace") or (Trace() if self._history else None)
        if trace is not None and (self._judges.searcher or self._judges.verifier):
            raise OptionError(
                "a history has the passes of refinement, and what --search-with or --verify-with finds has none: leave "
                "one of them out"
            )
        return trace

    def _prompt(self, prefix: list[int]) -> Template:
        """Return the template that begins with the tokens of a prefix; after a prefix with `</s>` nothing is open."""
        words = [token for token in prefix if token not in (self.symbols.pad, self.symbols.eos)]
        return Template(words if self.symbols.eos in prefix else [*words, Blank()])

    def _sentence(
        self, found: Candidates, sentence: int, trace: Optional[Trace], given: Optional[GivenWords]
    ) -> list[dict[str, Any]]:
        """Return the hypotheses of one sentence, leaving out rows that are no candidates."""
        scores, bonus = found.scores[sentence], found.bonus[sentence]
        made = partial(self._hypothesis, found, sentence, trace, given)
        hypotheses = [made(k) for k in scores.isfinite().nonzero().flatten()]
        lost = (scores.isinf() & bonus.isfinite()).nonzero().flatten()
        hypotheses[0]["passes"] = int(found.sentence_passes[sentence])
        hypotheses[0]["given_up"] = [made(k) for k in lost]
        return hypotheses

    def _hypothesis(
        self, found: Candidates, sentence: int, trace: Optional[Trace], given: Optional[GivenWords], place: Tensor
    ) -> dict[str, Any]:
        """Return candidate number `place` of a sentence as a hypothesis."""
        k = int(place)
        length, number = int(found.lengths[sentence, k]), int(found.numbers[sentence, k])
        tokens = found.tokens[sentence, k, :length]
        written = tokens != self.symbols.pad  # padding predicted by the exact mode is not printed
        passes = None if trace is None else trace.of_row(sentence * trace.candidates + number, length)
        return {
            "tokens": tokens[written],
            "score": float(found.scores[sentence, k]),
            "scores": {name: float(part[sentence, k]) for name, part in found.parts.items()},
            "positional_scores": found.log_probs[sentence, k, :length][written],
            "given": given,
            "fillable": found.fillable[sentence, k, :length][written],
            "attention": None,
            "alignment": None,
            "length": length,
            "bonus": float(found.bonus[sentence, k]),
            "number": number,
            "steps": int(found.passes[sentence, k]),
            "history": None if passes is None else _history(passes),
            "trace": passes,
        }


def _history(passes: list[RowPass]) -> list[dict[str, Tensor]]:
    """Return the canvases of one row in fairseq's form: before and after each of its passes, each (length,) int64."""
    return [{"tokens": tokens} for made in passes for tokens in (made.read, made.tokens)]
