import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.mask_schedule import linear
from fairseq_cmlm.decoding.prediction import Prediction, Query, Symbols, most_probable
from fairseq_cmlm.decoding.refinement import Snapshot, refine
from fairseq_cmlm.decoding.strategy import STRATEGIES

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
        return most_probable([torch.stack(logits)], query.last, SYMBOLS)

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


def test_the_trace_shows_each_pass_and_frozen_tokens_stay() -> None:
    canvas = fully_masked(torch.tensor([4, 2]), SYMBOLS.pad)
    frozen = torch.tensor([[False, True, False, False], [False, False, False, False]])
    tokens = canvas.tokens.masked_fill(frozen, 7)
    given_token = Canvas(tokens, canvas.confidence, canvas.masked & ~frozen, canvas.fillable & ~frozen, canvas.real)
    trace: list[Snapshot] = []
    strategy, totals = STRATEGIES["mask_predict"], torch.tensor([3, 3])
    refined = refine(table_model(1), given_token, strategy, linear, totals, SYMBOLS.mask, trace)
    assert refined.tokens[0, 1] == 7 and all((snapshot.visible[0, 1] == 7).all() for snapshot in trace)
    # Of 3 fillable tokens 2 and 1 are masked again, of 2 only 1 and 0.
    assert [snapshot.rows.tolist() for snapshot in trace] == [[0, 1], [0, 1], [0]]
    masks = [snapshot.visible.eq(SYMBOLS.mask).sum(1).tolist() for snapshot in trace]
    assert masks == [[3, 2], [2, 1], [1]]
    assert refined.passes.tolist() == [3, 2]
    assert trace[-1].tokens[0].equal(refined.tokens[0])
