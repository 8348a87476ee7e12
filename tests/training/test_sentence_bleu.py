"""BLEU of token ids against sacreBLEU's."""

from __future__ import annotations

import pytest
import torch
from sacrebleu.metrics import BLEU

from fairseq_cmlm.training.sentence_bleu import sentence_bleu


@pytest.mark.parametrize("left", [False, True])
def test_it_is_sacrebleus(left: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    metric = BLEU(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=True)
    lengths = torch.randint(1, 13, (200,), generator=generator)
    place = torch.arange(12)
    real = place >= 12 - lengths[:, None] if left else place < lengths[:, None]
    # Three words alone, so that n-grams repeat.
    found, target = (torch.randint(3, 6, (200, 12), generator=generator).where(real, 1) for _ in range(2))
    scores = sentence_bleu(found, target, real)
    assert 0 < float(scores.min()) < float(scores.max()) or (scores == 0).any()
    for i in range(200):
        texts = [" ".join(map(str, one[i][real[i]].tolist())) for one in (found, target)]
        assert 100 * float(scores[i]) == pytest.approx(metric.sentence_score(texts[0], [texts[1]]).score, abs=1e-3)
