"""The interface of an objective: its inputs, its result, and the network that it trains."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Mapping, NamedTuple, Optional, Protocol, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from fairseq_cmlm.shapes import spare_rows
from fairseq_cmlm.training.losses import TokenLoss, length_loss, token_loss
from fairseq_cmlm.training.noising import Example, View

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training


class TrainedNetwork(Protocol):
    """The network as an objective sees it; fairseq_cmlm.model.network implements it.

    Positions (M,) are flat places, ascending, of a canvas (B * K, T), sentence-major.
    """

    @property
    def heads(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Return the heads, name -> function of states (M, D), that predict something other than tokens."""

    def encode(self, source: Tensor) -> Any:
        """Encode the source (B, S)."""

    def states(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return the last states (M, D) at the positions."""

    def project(self, states: Tensor) -> Tensor:
        """Return the logits (M, V) of the tokens that the states (M, D) predict."""

    def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return the logits (M, V) at the positions."""

    def causal_logits(self, encoding: Any, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the logits (M, V) of the tokens (B * K, T) at the positions, given those to their left alone."""


@dataclass(frozen=True)
class Batch:
    """The batch that an objective learns from.

    source    (B, S) int64
    example   the target, as a noising sees it
    progress  share of --ramp-updates that is over, 0 to 1
    """

    source: Tensor
    example: Example
    progress: float = 1.0


class Losses(NamedTuple):
    """The result of an objective.

    loss    scalar, natural log, a sum over tokens; training minimises loss / size
    size    number of tokens in the sum, each counted with its weight
    logged  name -> sum over the batch, for the log. The log divides NAME by NAME_size, and nll_loss, the loss of the
            masked tokens, by nmasked
    """

    loss: Tensor
    size: float
    logged: dict[str, Any]


Loss = Callable[[TrainedNetwork, Batch, "Training"], Losses]


class Part(NamedTuple):
    """The loss of some of the tokens: one term of an objective.

    size    number of tokens
    weight  weight of each token
    """

    loss: TokenLoss
    size: int
    weight: float = 1


class Reader:
    """A network with the sources of a batch encoded, which reads canvases (B, T) of the targets."""

    def __init__(self, network: TrainedNetwork, batch: Batch, options: Training) -> None:
        self.network, self.batch, self.options = network, batch, options
        self.encoding = network.encode(batch.source)

    def logits(self, canvas: Tensor, asked: Tensor) -> Tensor:
        """Return the logits (M, V) of the `asked` (B, T) bool positions of a canvas."""
        return few_shapes(partial(self.network.logits, self.encoding, canvas), flat(asked))

    def states(self, canvas: Tensor) -> Tensor:
        """Return the last states (M, D) of all positions of a canvas except padding."""
        read = partial(self.network.states, self.encoding, canvas)
        return few_shapes(read, flat(self.batch.example.fillable))

    def part_of(self, states: Tensor, asked: Tensor, weight: float = 1) -> Part:
        """Sum the loss at the `asked` positions among those of `states`, without projecting the others."""
        places = asked[self.batch.example.fillable].nonzero().squeeze(1)
        logits = few_shapes(lambda some: self.network.project(states[some]), places)
        return self.part(logits, asked, weight)

    def part(self, logits: Tensor, asked: Tensor, weight: float = 1) -> Part:
        """Sum the loss of the target's tokens at the `asked` positions, given the logits (M, V) there."""
        positions = flat(asked)
        loss = token_loss(logits, self.batch.example.target.flatten()[positions], self.options.label_smoothing)
        return Part(loss, positions.numel(), weight)

    @torch.no_grad()
    def guess(self, canvas: Tensor, asked: Tensor) -> Tensor:
        """Return the target (B, T) with the network's own words at the `asked` positions of the canvas.

        The words are predicted by the present parameters, with dropout. No gradient is kept, and the next reading has
        the same dropout, but in the last layer, which computes only the places that are asked for, where these differ.
        """
        with same_dropout_again(canvas.device), _autocast_without_cache(canvas.device.type):
            logits = self.logits(canvas, asked)
        return with_own_words(self.batch.example, logits, asked)

    def losses(self, masked: Part, size: Optional[int] = None, **others: Part) -> Losses:
        """Add up the losses of the masked tokens, of the length, and of `others`, which are logged by name.

        size  the number of tokens, if it is not the sum over the parts
        """
        length = length_loss(self.encoding.encoded.length_logits, self.batch.example.fillable.sum(1))
        parts = [masked, *others.values()]
        loss = sum(part.weight * part.loss.smoothed for part in parts) + self.options.length_loss_factor * length.nll
        number = sum(part.weight * part.size for part in parts) if size is None else size
        logged = {
            "loss": loss.detach(),
            "nll_loss": masked.loss.nll.detach(),
            "nmasked": masked.size if size is None else size,
            "length_loss": length.nll.detach(),
            "length_correct": length.correct.detach(),
        }
        for name, part in others.items():
            logged |= {name: part.loss.nll.detach(), f"{name}_size": part.size}
        return Losses(loss, number, logged)


def flat(asked: Tensor) -> Tensor:
    """Return the flat places (M,) int64, into (N * T), where `asked` (N, T) is true.

    >>> flat(torch.tensor([[True, False], [False, True]])).tolist()
    [0, 3]
    """
    return asked.flatten().nonzero().squeeze(1)


def few_shapes(read: Callable[[Tensor], Tensor], places: Tensor) -> Tensor:
    """Return `read(places)`, (M, ...) for places (M,), computed with spare places where a few fixed shapes are faster.

    >>> few_shapes(lambda places: places * 2, torch.tensor([3, 5])).tolist()
    [6, 10]
    """
    return read(functional.pad(places, (0, spare_rows(len(places), places.device))))[: len(places)]


def with_own_words(example: Example, logits: Tensor, asked: Tensor) -> Tensor:
    """Return the target (B, T) with the best word by `logits` (M, V) at each of the `asked` positions.

    As in decoding, control symbols are never chosen, and `</s>` stands where the target ends.

    >>> target = torch.tensor([[5, 6, 2]])
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9, control=(0, 1, 2))
    >>> logits = torch.zeros(2, 10).index_fill(1, torch.tensor([7]), 1.0).index_fill(1, torch.tensor([9]), 2.0)
    >>> with_own_words(example, logits, torch.tensor([[True, False, True]])).tolist()
    [[7, 6, 2]]
    """
    banned = torch.tensor([example.mask, *example.control], device=logits.device)
    # In blocks, because each is copied.
    blocks = torch.split(logits.detach(), 1024)
    words = torch.cat([some.index_fill(1, banned, -torch.inf).argmax(1) for some in blocks])
    target = example.target
    own = target.flatten().index_copy(0, flat(asked), words).view_as(target)
    return torch.where(torch.isin(target, banned), target, own)


def same_dropout_again(device: torch.device) -> ContextManager[None]:
    """Restore torch's random state on exit, so that the code after the block draws the same numbers again.

    >>> with same_dropout_again(torch.device("cpu")):
    ...     inside = torch.rand(3)
    >>> inside.equal(torch.rand(3))
    True
    """
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


def _autocast_without_cache(kind: str) -> ContextManager[Any]:
    """Enter the current autocast, if any, again without its cache of parameters in lower precision.

    Otherwise a parameter cast under no_grad would come from the cache later, where a gradient is needed; newer versions
    of torch fix this (pytorch#165068).
    """
    if not torch.is_autocast_enabled(kind):
        return contextlib.nullcontext()
    return torch.autocast(kind, torch.get_autocast_dtype(kind), cache_enabled=False)


def masked_token_losses(
    network: TrainedNetwork, batch: Batch, options: Training, views: Sequence[View], size: Optional[int] = None
) -> Losses:
    """Sum the losses of the views' predicted tokens and of the length; `size` defaults to the number of these tokens.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.noising import full
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> masked_token_losses(EvenNetwork(10), batch, Training(), full(batch.example)).size
    4
    """
    reader = Reader(network, batch, options)
    tokens = view_loss(network, reader.encoding, batch.example.target, views, options.label_smoothing)
    return reader.losses(Part(*tokens), size)


def view_loss(
    network: TrainedNetwork, encoding: Any, target: Tensor, views: Sequence[View], smoothing: float
) -> tuple[TokenLoss, int]:
    """Sum the loss of the tokens that `views` predict, in one decoder pass, and count them; target (B, T).

    The views of a sentence lie side by side, as its length candidates do in decoding.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.noising import full
    >>> target, network = torch.tensor([[5, 6, 7, 2]]), EvenNetwork(10)
    >>> views = full(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> loss, predicted = view_loss(network, network.encode(target), target, views, smoothing=0.1)
    >>> round(loss.nll.item() / predicted, 3)  # ln 10
    2.303
    """
    predict = torch.stack([view.predict for view in views], dim=1)
    canvas = torch.stack([view.canvas for view in views], dim=1).flatten(0, 1)
    positions = flat(predict)
    weights = None
    if any(view.weight is not None for view in views):
        ones = torch.ones(len(target), device=target.device)
        each = torch.stack([ones if view.weight is None else view.weight for view in views], dim=1)
        weights = each[..., None].expand(predict.shape).flatten()[positions]
    logits = few_shapes(partial(network.logits, encoding, canvas), positions)
    gold = target[:, None].expand(predict.shape).flatten()[positions]
    return token_loss(logits, gold, smoothing, weights), positions.numel()
