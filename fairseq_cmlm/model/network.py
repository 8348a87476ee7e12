"""The network as training and inference use it: encode a source once, then read any number of canvases over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.causal import shifted
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.embedding import TokenEmbedding, init_bert
from fairseq_cmlm.model.encoder import Encoded, Encoder
from fairseq_cmlm.model.heads import HEADS
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.packing import packing_of
from fairseq_cmlm.model.projection import Projection

LOGITS_AT_ONCE = 1 << 24  # in float32 they take 64 MB


class Encoding(NamedTuple):
    """An encoded source: the encoder's outputs, and keys and values of each decoder layer."""

    encoded: Encoded
    memory: list[Memory]

    def of(self, rows: Tensor) -> Encoding:
        """Return the encodings of the sentences `rows` (n,), one for each row of a canvas."""
        return Encoding(Encoded(*(part[rows] for part in self.encoded)), [layer.of(rows) for layer in self.memory])


@dataclass(frozen=True)
class NetworkSize:
    """The shape of a network.

    words, positions  of source and target; a dictionary's ids are below its number of words
    pads              id of the padding symbol of source and target
    share_all         one table for source, target and output
    tie_output        one table for target and output
    heads             rows of HEADS
    """

    encoder: LayerSize
    decoder: LayerSize
    encoder_layers: int
    decoder_layers: int
    words: tuple[int, int]
    positions: tuple[int, int]
    pads: tuple[int, int]
    share_all: bool = False
    tie_output: bool = False
    heads: Sequence[str] = ()


class Network(nn.Module):
    """Encoder with length prediction and bidirectional decoder (paper, section 2)."""

    encoder: Encoder
    decoder: Decoder
    heads: nn.ModuleDict

    def build(self, size: NetworkSize) -> None:
        """Make the modules, with BERT's initialisation.

        This is not __init__, so that a class with a second parent can call it when that one is ready.
        """
        source = nn.Embedding(size.words[0], size.encoder.features)
        target = source if size.share_all else nn.Embedding(size.words[1], size.decoder.features)
        # Row 0 is the LENGTH token's input; rows 1 and up are the lengths to that of the longest target.
        lengths = size.positions[1] + 1
        self.encoder = Encoder(
            TokenEmbedding(source, size.positions[0]), size.encoder, size.encoder_layers, lengths, size.pads[0]
        )
        self.decoder = Decoder(
            TokenEmbedding(target, size.positions[1]),
            size.decoder,
            size.decoder_layers,
            size.encoder.features,
            size.pads[1],
            tied=size.share_all or size.tie_output,
        )
        self.heads = nn.ModuleDict({name: HEADS[name](size.decoder.features) for name in size.heads})
        self.apply(init_bert)

    def lay_out(self) -> None:
        """Keep a second copy of the weights in oneDNN's layout, for faster decoding on a CPU; elsewhere do nothing."""
        for module in self.modules():
            if isinstance(module, Projection):
                module.lay_out()

    def encode(self, source: Tensor) -> Encoding:
        """Encode the source (B, S) int64, padded on either side."""
        encoded = self.encoder(source)
        return Encoding(encoded, self.decoder.memory(encoded))

    def states(
        self,
        encoding: Encoding,
        canvas: Tensor,
        positions: Tensor,
        causal: bool = False,
        number: Optional[int] = None,
    ) -> Tensor:
        """Compute the last states (M, D) at the flat `positions` (M,) of the canvas (B * K, T), sentence-major.

        causal  hide from each position those to its right
        number  of the tokens of the canvas; without it the host waits for the device to count them
        """
        packing = packing_of(canvas.ne(self.decoder.pad), number)
        return self.decoder.features(canvas, packing, encoding.memory, positions, causal)

    def project(self, states: Tensor) -> Tensor:
        """Compute the logits (M, V) of the tokens that the last states (M, D) predict."""
        logits: Tensor = self.decoder.output(states)
        return logits

    def log_probs(self, states: Tensor, wanted: Tensor) -> Tensor:
        """Compute the log-probabilities (M, U) float32 of the tokens `wanted` (M, U) at the states (M, D).

        In natural log. The logits are computed a few rows at a time.
        """
        rows = max(1, LOGITS_AT_ONCE // self.decoder.embedding.tokens.num_embeddings)
        found = []
        for some, tokens in zip(torch.split(states, rows), torch.split(wanted, rows)):
            logits = self.project(some).float()
            found.append(logits.gather(1, tokens) - logits.logsumexp(dim=1, keepdim=True))
        return torch.cat(found)

    def logits(self, encoding: Encoding, canvas: Tensor, positions: Tensor) -> Tensor:
        """Compute the logits (M, V) at the flat `positions` (M,) of the canvas (B * K, T), sentence-major."""
        return self.project(self.states(encoding, canvas, positions))

    def causal_logits(self, encoding: Encoding, tokens: Tensor, positions: Tensor) -> Tensor:
        """Compute the logits (M, V) of the tokens (B * K, T) at the flat `positions` (M,), given those to their left.

        Each row ends in `</s>`, which also precedes its first token, as in fairseq's autoregressive Transformer.
        """
        read = shifted(tokens, tokens.ne(self.decoder.pad))
        return self.project(self.states(encoding, read, positions, causal=True))

    def next_logits(self, encoding: Encoding, tokens: Tensor, prefix: Sequence[Memory]) -> tuple[Tensor, list[Memory]]:
        """Compute the logits (B * K, V) of what follows `tokens` (B * K,), each the last of a row, given all before it.

        prefix  what the call for the tokens before returned; empty for the first, `</s>`

        Return the logits, and the prefix that the call for the next tokens takes.
        """
        states, prefix = self.decoder.next_features(tokens, prefix, encoding.memory)
        return self.project(states), prefix

    def log_probs_from_left(self, encoding: Encoding, tokens: Tensor, number: Optional[int] = None) -> Tensor:
        """Compute the log-probability of each of the tokens (B * K, T), given those to its left, as (B * K, T) float32.

        In natural log, 0 at padding; the rows and `number` are as in `causal_logits` and `states`. Only a network
        trained with `--objective hybrid` gives meaningful numbers.
        """
        real = tokens.ne(self.decoder.pad)
        number = int(real.sum()) if number is None else number
        positions = torch.nonzero_static(real.flatten(), size=number).squeeze(1)
        states = self.states(encoding, shifted(tokens, real), positions, causal=True, number=number)
        found = torch.zeros(tokens.numel(), device=tokens.device)
        found[positions] = self.log_probs(states, tokens.flatten()[positions, None]).squeeze(1)
        return found.view_as(tokens)


def build_network(size: NetworkSize) -> Network:
    """Return a new network with random weights.

    >>> import torch
    >>> layer = LayerSize(8, 16, 2, False, 0.0, 0.0, 0.0)
    >>> network = build_network(NetworkSize(layer, layer, 1, 1, words=(9, 9), positions=(7, 7), pads=(1, 1)))
    >>> encoding = network.encode(torch.tensor([[5, 6, 2]]))
    >>> network.logits(encoding, torch.tensor([[8, 8, 8, 8]]), torch.arange(4)).shape
    torch.Size([4, 9])
    """
    network = Network()
    network.build(size)
    return network
