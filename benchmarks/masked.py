"""The two masked decoders: ours and fairseq's, each through its own task and generator."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional, Sequence

import torch
from fairseq import iterative_refinement_generator
from torch import Tensor

from benchmarks.generators import Generated
from benchmarks.operations import masked_in_each_pass
from benchmarks.sample import Sample
from benchmarks.sentences import Sentence
from benchmarks.systems import Case, Decoded, Environment
from fairseq_cmlm.plugin.decoding_options import NOTHING_GIVEN, PRESETS


def lengths_around(length: int, size: int) -> list[int]:
    """`size` successive lengths with `length` in the middle, moved up where the first would be below 1."""
    first = max(1, length - (size - 1) // 2)
    return list(range(first, first + size))


class _Masked(Generated):
    """A decoder with passes T and length candidates l."""

    def __init__(self, case: Case, environment: Environment) -> None:
        super().__init__(case.system, environment)
        assert case.iterations is not None and case.candidates is not None
        self._iterations, self._candidates = case.iterations, case.candidates

    def forced_lengths(self, batch: Sequence[Sentence]) -> list[list[int]]:
        """The lengths around the reference's."""
        return [lengths_around(sentence.target_length, self._candidates) for sentence in batch]


class MaskPredict(_Masked):
    """Ours: CMLMGenerator, with --gold-target-length where lengths are forced."""

    def __init__(self, case: Case, environment: Environment) -> None:
        super().__init__(case, environment)
        given = {**NOTHING_GIVEN}
        if case.system.preset == "full":
            given["decoding_iterations"] = self._iterations
        else:  # it has a number of passes of its own; T is the peer's that it is compared with
            self._iterations = PRESETS[case.system.preset]["iterations"]
        options = Namespace(
            **given,
            length_beam=self._candidates,
            gold_target_length=self._forced,
            decoding_preset=case.system.preset,
        )
        self._generator = self._task.build_generator([self._model], options)

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """The batch with targets, of which the decoder reads the lengths alone."""
        sample = super().prepare(batch)
        lengths = [batch[i].target_length for i in sample.order]
        dictionary = self._task.target_dictionary
        target = torch.full((len(batch), max(lengths)), dictionary.pad())
        for row, length in zip(target, lengths):
            row[:length] = dictionary.unk()
        sample.fields["target"] = target.to(self._device)
        return sample

    def passes_of(self, hypothesis: dict[str, Any]) -> int:
        """As the generator counts them."""
        return int(hypothesis["steps"])

    def passes(self, length: int) -> int:
        """Until the linear schedule leaves nothing masked; the most that a preset makes."""
        return len(masked_in_each_pass(length, self._iterations))


class _Watched:
    """fairseq's model as its generator sees it, with the first canvas put in the place of the one it predicted.

    The prediction is made all the same. The canvases that the decoder was given are kept, by reference.
    """

    def __init__(self, model: Any, first: Optional[Tensor]) -> None:
        self._model, self._first = model, first
        self.canvases: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def initialize_output_tokens(self, encoder_out: Any, src_tokens: Tensor) -> Any:
        predicted = self._model.initialize_output_tokens(encoder_out, src_tokens)
        if self._first is None:
            return predicted
        scores = torch.zeros_like(self._first, dtype=predicted.output_scores.dtype)
        return predicted._replace(output_tokens=self._first.clone(), output_scores=scores)

    def forward_decoder(self, decoder_out: Any, *args: Any, **kwargs: Any) -> Any:
        self.canvases.append(decoder_out.output_tokens)
        return self._model.forward_decoder(decoder_out, *args, **kwargs)


class _Refined(NamedTuple):
    """fairseq's hypotheses, and the canvases (B * K, T) that its decoder was given."""

    hypotheses: Any
    canvases: list[Tensor]


class FairseqMaskPredict(_Masked):
    """fairseq's cmlm_transformer and its IterativeRefinementGenerator with --iter-decode-force-max-iter.

    Its canvas begins with `<s>`: one position more than ours. From the length of the first canvas its length beam takes
    the lengths - l // 2 ... around it.
    """

    def __init__(self, case: Case, environment: Environment) -> None:
        super().__init__(case, environment)
        options = Namespace(
            iter_decode_max_iter=self._iterations - 1,
            iter_decode_force_max_iter=True,
            iter_decode_with_beam=self._candidates,
        )
        self._generator = self._task.build_generator([self._model], options)
        if self._device != "cpu":
            # fairseq issue 4063: np.argmax of a list of CUDA tensors is an error.
            on_host = SimpleNamespace(argmax=lambda scores: int(torch.stack(scores).argmax()))
            iterative_refinement_generator.np = on_host

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """The batch, and the first canvas from which fairseq's length beam becomes the intended one."""
        sample = super().prepare(batch)
        if self._forced:
            first = [lengths[0] for lengths in self.forced_lengths([batch[i] for i in sample.order])]
            canvas = self._canvas([length + self._candidates // 2 for length in first])
            sample.fields["first_canvas"] = canvas.to(self._device)
        return sample

    def _canvas(self, lengths: Sequence[int]) -> Tensor:
        """`<s>`, then `lengths` tokens, the last of them `</s>` and all others masked."""
        dictionary = self._task.target_dictionary
        canvas = torch.full((len(lengths), max(lengths) + 1), dictionary.pad())
        for row, length in zip(canvas, lengths):
            row[:length] = dictionary.unk()
            row[0], row[length] = dictionary.bos(), dictionary.eos()
        return canvas

    def decode(self, prepared: Sample) -> _Refined:
        """The generator's hypotheses."""
        watched = _Watched(self._model, prepared.fields.get("first_canvas"))
        return _Refined(self._generator.generate([watched], prepared.fields), watched.canvases)

    def read(self, prepared: Sample, result: _Refined) -> list[Decoded]:
        """Only the best candidate comes back; the lengths of the others are read off the first canvas."""
        canvas = result.canvases[0].ne(self._task.target_dictionary.pad())
        lengths = (canvas.sum(1) - 1).view(-1, self._candidates).tolist()
        passes = [[len(result.canvases)] * self._candidates] * len(lengths)
        return self.decoded(prepared, result.hypotheses, lengths, passes)

    def passes(self, length: int) -> int:
        """All of them, however short the sentence."""
        return self._iterations
