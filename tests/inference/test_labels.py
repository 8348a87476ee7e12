"""The likelihood of labels against networks asked token by token."""

from __future__ import annotations

import torch
from test_decode import SOURCE, SYMBOLS, network

from fairseq_cmlm.inference.labels import LabelCanvases, LabelledTarget, label_canvases, label_log_likelihoods
from fairseq_cmlm.model.network import Network

# A given word, the label, </s>. Labels of one token and of several, two of which begin alike.
LABELS = [
    LabelledTarget([4, 5, 2], range(1, 2)),
    LabelledTarget([4, 6, 2], range(1, 2)),
    LabelledTarget([4, 6, 7, 8, 2], range(1, 4)),
    LabelledTarget([4, 6, 7, 9, 2], range(1, 4)),
]


def canvases() -> LabelCanvases:
    return label_canvases(LABELS, SYMBOLS.mask, SYMBOLS.pad)


def one_by_one(made: Network, source: torch.Tensor, label: LabelledTarget) -> float:
    """The chain, a canvas at a time."""
    encoding = made.encode(source[None])
    logits = encoding.encoded.length_logits.clone()
    logits[:, 0] = float("-inf")
    total = float(logits.log_softmax(1)[0, len(label.tokens)].detach())
    for place in label.own:
        canvas = torch.tensor([label.tokens])
        canvas[:, place : label.own.stop] = SYMBOLS.mask
        predicted = made.logits(encoding, canvas, torch.tensor([place])).log_softmax(1)
        total += float(predicted[0, label.tokens[place]].detach())
    return total


def test_the_likelihood_is_that_of_the_chain() -> None:
    made = network()
    found = label_log_likelihoods([made], SOURCE[:2], canvases())
    for text, source in enumerate((SOURCE[0], SOURCE[1, :3])):
        expected = torch.tensor([one_by_one(made, source, label) for label in LABELS])
        assert found[text].allclose(expected, atol=1e-4)


def test_all_labels_of_one_token_are_read_on_one_canvas() -> None:
    assert canvases().canvases.tolist() == [
        [4, 19, 2, 1, 1],
        [4, 19, 19, 19, 2],
        [4, 6, 19, 19, 2],
        [4, 6, 7, 19, 2],
    ]
    assert canvases().asked.tolist() == [1, 1, 2, 3]


def test_labels_of_a_length_share_out_its_probability() -> None:
    """All targets of one own token, together with those that end otherwise, have the probability of the length."""
    everything = [LabelledTarget([4, token, 2], range(1, 2)) for token in range(20)]
    made = network()
    found = label_log_likelihoods([made], SOURCE[:1], label_canvases(everything, SYMBOLS.mask, SYMBOLS.pad))
    logits = made.encode(SOURCE[:1]).encoded.length_logits.detach().clone()
    logits[:, 0] = float("-inf")
    assert found.logsumexp(1).allclose(logits.log_softmax(1)[:, 3], atol=1e-4)


def test_several_networks_are_averaged() -> None:
    first, second = network(0), network(1)
    both = label_log_likelihoods([first, second], SOURCE[:2], canvases()).exp()
    each = [label_log_likelihoods([one], SOURCE[:2], canvases()).exp() for one in (first, second)]
    assert both.allclose((each[0] + each[1]) / 2)
