from __future__ import annotations

import torch
from test_decode import SOURCE, SYMBOLS, network

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import query_of
from fairseq_cmlm.decoding.rules import words_and_end
from fairseq_cmlm.decoding.tokens import Prediction
from fairseq_cmlm.inference.predictor import Predictor


def test_rows_read_their_own_source_whatever_rows_were_read_before() -> None:
    model = network()
    encoded = model.encoder(SOURCE)

    def predict(predictor: Predictor, rows: list[int]) -> Prediction:
        canvas = fully_masked(torch.tensor([5] * len(rows)), SYMBOLS.pad)
        counts = torch.tensor([5] * len(rows))
        asked = query_of(canvas, canvas.masked, counts, 5 * len(rows), SYMBOLS.mask, torch.tensor(rows), size=1)
        return predictor(asked)

    def fresh() -> Predictor:
        return Predictor([model.decoder], [encoded], 1, words_and_end(SYMBOLS))

    once = fresh()
    for rows in ([0, 1], [1, 2], [1], [2]):
        assert predict(once, rows).log_probs.allclose(predict(fresh(), rows).log_probs)
