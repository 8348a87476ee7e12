"""The attention in the passes of a trace."""

from __future__ import annotations

import pytest
import torch
from test_decode import LONGEST, SOURCE, SYMBOLS, network

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.draft import Draft
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.inference.decode import decode
from fairseq_cmlm.inference.start import Inputs


@pytest.mark.parametrize("strategy", ["mask_predict", "left_to_right"])
def test_each_pass_has_the_attention_of_the_canvas_that_it_read(strategy: str) -> None:
    """Of every row its own sentence's, also when rows have left the batch; the mean over the models."""
    networks = [network(0), network(1)]
    told: list[BatchPass] = []
    trace = Trace(attention=True, watch=told.append)
    decode(networks, Inputs(SOURCE), Decoding.of(strategy=strategy, length_beam=2, iterations=0), SYMBOLS, trace)
    assert told == trace.passes and trace.candidates == 2
    assert len({len(made.rows) for made in trace.passes}) > 1
    with torch.no_grad():
        for made in trace.passes:
            assert made.attention is not None
            for place, row in enumerate(made.rows.tolist()):
                source = SOURCE[row // 2 : row // 2 + 1]
                length = int(made.real[place].sum())
                alone = [
                    one.decoder.source_weights(made.read[place : place + 1, :length], one.encode(source).memory)
                    for one in networks
                ]
                expected = torch.stack(alone).mean(dim=0)[0]
                assert made.attention[place, :length].allclose(expected, atol=1e-5)


def test_no_attention_unless_asked_for() -> None:
    trace = Trace()
    decode([network()], Inputs(SOURCE), Decoding.of(), SYMBOLS, trace)
    assert all(made.attention is None for made in trace.passes)


def test_a_draft_gets_at_least_one_pass_and_must_fit() -> None:
    tokens = [5, 6, 7, 2]
    draft = Draft(tokens, [-1.0] * 4, [True, False, False, False], [False] * 4, done=10)
    found = decode([network()], Inputs(SOURCE[:1], draft=draft), Decoding.of(iterations=4), SYMBOLS)
    assert found.passes.tolist() == [[4]] and found.tokens[0, 0, 1:].tolist() == tokens[1:]
    long = Draft([5] * LONGEST, [0.0] * LONGEST, [False] * LONGEST, [False] * LONGEST, done=0)
    decode([network()], Inputs(SOURCE[:1], draft=long), Decoding.of(), SYMBOLS)
    longer = Draft([5] * (LONGEST + 1), [0.0] * 25, [False] * 25, [False] * 25, done=0)
    with pytest.raises(TextError, match=f"the target has 25 tokens .* and the model writes at most {LONGEST}: shorten"):
        decode([network()], Inputs(SOURCE[:1], draft=longer), Decoding.of(), SYMBOLS)
