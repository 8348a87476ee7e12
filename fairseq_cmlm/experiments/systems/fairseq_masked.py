"""fairseq's own masked decoder: cmlm_transformer with IterativeRefinementGenerator."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional, Sequence

import torch
from fairseq import checkpoint_utils, iterative_refinement_generator
from torch import Tensor

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.sentences import Sentence, lengths_around
from fairseq_cmlm.experiments.systems.system import Decoded, FairseqSystem, GeneratorJob, Loaded, Sample


@dataclass(frozen=True)
class FairseqMasked(FairseqSystem):
    """fairseq's cmlm_transformer with --iter-decode-force-max-iter. Of a Decoding it has passes, l and gold lengths."""

    def load(self) -> Loaded:
        """Load the model as fairseq-generate prepares it."""
        models, cfg, task = checkpoint_utils.load_model_ensemble_and_task(
            [str(self.checkpoint)], {"data": str(self.data)}
        )
        model = models[0].to(self.device).eval()
        model.prepare_for_inference_(cfg)
        return Loaded(task, model)

    def job(self, decoding: Decoding, threads: int) -> GeneratorJob:
        """Make the model ready."""
        return _RefinementJob(self.loaded, decoding, self.device)


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


class _RefinementJob(GeneratorJob):
    """The generator at work.

    Its canvas begins with `<s>`: one position more than ours. From the length of the first canvas its length beam takes
    the lengths - l // 2 ... around it.
    """

    def __init__(self, loaded: Loaded, decoding: Decoding, device: str) -> None:
        options = Namespace(
            iter_decode_max_iter=decoding.iterations - 1,
            iter_decode_force_max_iter=True,
            iter_decode_with_beam=decoding.length_beam,
        )
        super().__init__(loaded, loaded.task.build_generator([loaded.model], options), device)
        self._size, self._gold = decoding.length_beam, decoding.gold_target_length
        if device != "cpu":
            # fairseq issue 4063: np.argmax of a list of CUDA tensors is an error.
            on_host = SimpleNamespace(argmax=lambda scores: int(torch.stack(scores).argmax()))
            iterative_refinement_generator.np = on_host

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """Collate the sources, with the first canvas from which fairseq's length beam becomes the intended one."""
        sample = super().prepare(batch)
        if self._gold:
            first = [lengths_around(batch[i].target_length, self._size)[0] for i in sample.order]
            canvas = self._canvas([length + self._size // 2 for length in first])
            sample.fields["first_canvas"] = canvas.to(self._device)
        return sample

    def _canvas(self, lengths: Sequence[int]) -> Tensor:
        """Return `<s>`, then `lengths` tokens, the last of them `</s>` and all others masked."""
        dictionary = self.task.target_dictionary
        canvas = torch.full((len(lengths), max(lengths) + 1), dictionary.pad())
        for row, length in zip(canvas, lengths):
            row[:length] = dictionary.unk()
            row[0], row[length] = dictionary.bos(), dictionary.eos()
        return canvas

    def work(self, prepared: Sample) -> _Refined:
        """Return the generator's hypotheses."""
        watched = _Watched(self.model, prepared.fields.get("first_canvas"))
        return _Refined(self._generator.generate([watched], prepared.fields), watched.canvases)

    def finish(self, batch: Sequence[Sentence], prepared: Sample, result: _Refined) -> list[Decoded]:
        """Return what was done. Only the best candidate comes back; the first canvas tells the others' lengths."""
        canvas = result.canvases[0].ne(self.task.target_dictionary.pad())
        lengths = (canvas.sum(1) - 1).view(-1, self._size).tolist()
        passes = [[len(result.canvases)] * self._size] * len(lengths)
        return self.decoded(prepared, result.hypotheses, lengths, passes)
