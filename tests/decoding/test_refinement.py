import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.mask_schedule import linear
from fairseq_cmlm.decoding.prediction import Prediction, Query, Symbols, average, most_probable
from fairseq_cmlm.decoding.refinement import refine
from fairseq_cmlm.decoding.strategy import STRATEGIES, lowest

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=9)


def table_model(seed: int):
    """A model without a network: logits are hashed from the row's canvas, so that rows do not depend on their batch."""

    def predict(query: Query) -> Prediction:
        width = query.visible.size(1)
        logits = []
        for position in query.positions.tolist():
            row, column = divmod(position, width)
            canvas = [t for t in query.visible[row].tolist() if t != SYMBOLS.pad]
            generator = torch.Generator().manual_seed(hash((seed, column, tuple(canvas))) % 2**31)
            logits.append(torch.randn(10, generator=generator))
        return most_probable(torch.stack(logits), query.last, SYMBOLS)

    return predict


def decode(lengths: list[int], total: int, seed: int):
    canvas = fully_masked(torch.tensor(lengths), SYMBOLS.pad)
    totals = torch.full((len(lengths),), total)
    return refine(table_model(seed), canvas, STRATEGIES["mask_predict"], linear, totals, SYMBOLS.mask)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 10**6))
def test_a_batch_equals_its_rows_and_holds_no_control_symbol(lengths: list[int], total: int, seed: int) -> None:
    together = decode(lengths, total, seed)
    for row, length in enumerate(lengths):
        alone = decode([length], total, seed)
        tokens = together.tokens[row, :length]
        assert tokens.equal(alone.tokens[0])
        assert together.confidence[row, :length].allclose(alone.confidence[0])
        # Finished at the first pass t after which floor(N * (T - t) / T) is 0.
        finished = next(t for t in range(1, total + 1) if length * (total - t) < total)
        assert int(together.passes[row]) == int(alone.passes[0]) == finished
        assert int(tokens[-1]) == SYMBOLS.eos
        assert not torch.isin(tokens[:-1], torch.tensor([0, 1, 2, 9])).any()


def test_lowest_takes_the_leftmost_of_equals() -> None:
    values = torch.tensor([[1.0, 0.0, 0.0, 5.0]])
    among = torch.tensor([[True, True, True, False]])
    assert lowest(values, torch.tensor([[1]]), among).tolist() == [[False, True, False, False]]
    assert lowest(values, torch.tensor([[9]]), among).tolist() == among.tolist()


def test_average_is_the_mean_of_probabilities() -> None:
    logits = [torch.randn(3, 5), torch.randn(3, 5)]
    mean = (logits[0].softmax(1) + logits[1].softmax(1)) / 2
    assert average(logits).exp().allclose(mean, atol=1e-6)
