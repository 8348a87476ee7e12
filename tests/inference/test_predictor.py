from __future__ import annotations

import pytest
import torch
from test_decode import SOURCE, SYMBOLS, network
from torch import Tensor, nn

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import query_of
from fairseq_cmlm.decoding.rules import words_and_end
from fairseq_cmlm.decoding.tokens import Prediction
from fairseq_cmlm.inference import predictor
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.model.heads import HEADS


def predict(used: Predictor, rows: list[int]) -> Prediction:
    """Predict the words of rows of five masked positions each."""
    canvas = fully_masked(torch.tensor([5] * len(rows)), SYMBOLS.pad)
    counts = torch.tensor([5] * len(rows))
    asked = query_of(canvas, canvas.masked, counts, 5 * len(rows), SYMBOLS.mask, torch.tensor(rows), size=1)
    return used(asked)


def test_rows_read_their_own_source_whatever_rows_were_read_before() -> None:
    model = network()
    encoded = model.encoder(SOURCE)

    def fresh() -> Predictor:
        return Predictor([model.decoder], [encoded], 1, words_and_end(SYMBOLS))

    once = fresh()
    for rows in ([0, 1], [1, 2], [1], [2]):
        assert predict(once, rows).log_probs.allclose(predict(fresh(), rows).log_probs)


@pytest.mark.parametrize("size", [1, 4, 15])
def test_positions_are_the_same_however_many_are_computed_together(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    used = Predictor([model.decoder], [model.encoder(SOURCE)], 1, words_and_end(SYMBOLS))
    whole = predict(used, [0, 1, 2])
    monkeypatch.setattr(predictor, "ROWS", size)
    found = predict(used, [0, 1, 2])
    assert found.tokens.equal(whole.tokens) and found.log_probs.allclose(whole.log_probs)


def test_the_quality_of_an_ensemble_is_the_mean_probability() -> None:
    models, heads = [network(seed) for seed in (0, 1)], [nn.ModuleDict({"quality": HEADS["quality"](16)}) for _ in "ab"]
    for head, bias in zip(heads, (0.5, -2.0)):
        nn.init.constant_(head["quality"].bias, bias)
    canvas = fully_masked(torch.tensor([5]), SYMBOLS.pad)
    asked = query_of(canvas, canvas.masked, torch.tensor([5]), 5, SYMBOLS.mask, None, size=1)

    def quality(numbers: list[int]) -> Tensor:
        used, judges = [models[i] for i in numbers], [heads[i] for i in numbers]
        encoded = [model.encoder(SOURCE[:1]) for model in used]
        made = Predictor([model.decoder for model in used], encoded, 1, words_and_end(SYMBOLS), judges)
        return made.quality(asked).exp()

    one, other = quality([0]), quality([1])
    assert quality([0, 1]).allclose((one + other) / 2) and not one.allclose(other) and (one < 1).all()
