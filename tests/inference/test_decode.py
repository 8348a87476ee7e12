"""Inference with a small random network: no fairseq."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.tokens import FIRST_SET, Symbols
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.decoding.verification import Prefer, Preferred
from fairseq_cmlm.errors import ModelError, OptionError, TextError
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=19)
LONGEST = 24


def network(seed: int = 0, longest: int = LONGEST, heads: tuple[str, ...] = ()) -> Network:
    torch.manual_seed(seed)
    layer = LayerSize(16, 32, 2, False, 0.0, 0.0, 0.0)
    size = NetworkSize(layer, layer, 1, 2, words=(20, 20), positions=(30, longest), pads=(1, 1), heads=heads)
    made = build_network(size)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made.eval()


SOURCE = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 2, 1, 1], [2, 1, 1, 1, 1]])


def run(
    inputs: Inputs, networks: list[Network] | None = None, trace: Trace | None = None, **options: Any
) -> Candidates:
    return decode(networks or [network()], inputs, Decoding.of(**options), SYMBOLS, trace)


def test_candidates_are_ranked_and_end_in_the_end_symbol() -> None:
    found = run(Inputs(SOURCE), length_beam=3)
    assert found.scores.shape == (3, 3) and (found.scores[:, :-1] >= found.scores[:, 1:]).all()
    for sentence in range(2):
        for k in range(3):
            length = int(found.lengths[sentence, k])
            assert int(found.tokens[sentence, k, length - 1]) == SYMBOLS.eos
            assert (found.tokens[sentence, k, length:] == SYMBOLS.pad).all()
    # Nothing is translated by nothing, in one pass.
    assert found.lengths[2, 0] == 1 and found.scores[2, 1:].eq(-math.inf).all() and (found.passes[2] <= 1).all()


SAMPLERS: list[dict[str, Any]] = [
    *({"strategy": name} for name in STRATEGIES),
    {"halve_candidates": 1, "stop_unchanged": 2},
    {"strategy": "without_remasking", "iterations": 0, "entropy_bound": 2.0, "order": "entropy"},
    {"stop_unchanged": 1, "stop_entropy": 2.5},
    {"strategy": "edit", "confidence_threshold": 0.3, "edit_threshold": 0.2, "desmooth": 0.1},
    {"block_length": 4, "iterations": 3},
    {"block_length": 3, "strategy": "all_tokens", "order": "margin"},
    {"temperature": 0.8, "top_p": 0.9, "seed": 4},
    {"temperature": 1.5, "strategy": "path_planning", "eta": 2.0, "block_length": 5},
]


@pytest.mark.parametrize("options", SAMPLERS, ids=str)
@pytest.mark.parametrize("models", [1, 2])
def test_a_batch_equals_its_sentences(options: dict[str, Any], models: int) -> None:
    networks = [network(seed) for seed in range(models)]
    together = run(Inputs(SOURCE[:2]), networks, length_beam=4, **options)
    for i, length in enumerate((5, 3)):
        alone = run(Inputs(SOURCE[i : i + 1, :length]), networks, length_beam=4, **options)
        assert alone.lengths[0].tolist() == together.lengths[i].tolist()
        assert alone.scores[0].allclose(together.scores[i], atol=1e-5)
        assert alone.passes[0].tolist() == together.passes[i].tolist()
        for k, size in enumerate(alone.lengths[0].tolist()):
            assert alone.tokens[0, k, :size].equal(together.tokens[i, k, :size])


def test_draws_differ_by_seed_and_not_by_run() -> None:
    def drawn(**options: Any) -> list[int]:
        return run(Inputs(SOURCE[:1]), length_budget=12, **options).tokens[0, 0].tolist()

    assert drawn(temperature=3.0) == drawn(temperature=3.0, seed=0) != drawn(temperature=3.0, seed=1)
    assert drawn(temperature=1e-4) == drawn() != drawn(temperature=3.0)


def test_each_order_ranks_otherwise() -> None:
    def first_pass(order: str) -> torch.Tensor:
        trace = Trace()
        run(Inputs(SOURCE[:1]), trace=trace, length_budget=12, order=order)
        return trace.passes[0].sureness

    values = [first_pass(name) for name in ORDERS]
    assert not any(one.allclose(other) for one, other in itertools.combinations(values, 2))


def test_the_entropy_bound_takes_the_smoothing_off() -> None:
    options = {"strategy": "without_remasking", "order": "entropy", "iterations": 0, "length_budget": 12}
    passes = [int(run(Inputs(SOURCE[:1]), entropy_bound=1.0, desmooth=one, **options).passes) for one in (0.0, 0.5)]
    assert passes[0] > passes[1]


TEMPLATE = Template([7, Blank(2, 2), 8, Blank(1, 4), 11], "line 3")


@pytest.mark.parametrize("options", [*SAMPLERS, {"strategy": "easy_first"}, {"strategy": "left_to_right"}], ids=str)
def test_given_words_are_never_changed(options: dict[str, Any]) -> None:
    trace = Trace()
    found = run(Inputs(SOURCE[:1], templates=[TEMPLATE]), trace=trace, **{"length_beam": 3, **options})
    assert found.scores.size(1) == 3
    for k in range(3):
        length = int(found.lengths[0, k])
        tokens = found.tokens[0, k, :length].tolist()
        assert tokens[0] == 7 and tokens[3] == 8 and tokens[-2:] == [11, 2] and 7 <= length <= 10
        blanks = [tokens[i] for i in (1, 2, *range(4, length - 2))]
        assert not set(blanks) & {0, 1, 2, 19}
        assert found.fillable[0, k, :length].tolist() == [i in (1, 2, *range(4, length - 2)) for i in range(length)]
        for made in trace.of_row(int(found.numbers[0, k]), length):
            assert made.read[0] == 7 and made.tokens[3] == 8


def test_what_is_given_is_certain_in_the_score() -> None:
    """A blank is as likely as its tokens together: over their own number a long one would have the better mean."""
    found = run(Inputs(SOURCE[:1], templates=[TEMPLATE]), length_prior=0.0, length_beam=1)
    filled = found.fillable[0, 0]
    assert 0 < int(filled.sum()) < int(found.lengths[0, 0])
    mean = float(found.log_probs[0, 0][filled].sum()) / int(found.lengths[0, 0])
    assert float(found.scores[0, 0]) == pytest.approx(mean, abs=1e-6)
    nothing = run(Inputs(SOURCE[:1], templates=[Template([7, 8])]))
    assert nothing.tokens[0, 0].tolist() == [7, 8, 2] and nothing.scores.tolist() == [[0.0]]


def test_blanks_keep_to_their_token_sets() -> None:
    sets = torch.zeros(1, 20, dtype=torch.bool)
    sets[0, 13] = True
    template = Template([7, Blank(3, 3, last_set=FIRST_SET), 8])
    for strategy in ("mask_predict", "easy_first"):
        found = run(Inputs(SOURCE[:1], templates=[template], token_sets=sets), strategy=strategy)
        assert int(found.tokens[0, 0, 3]) == 13


@pytest.mark.parametrize("template", [Template([7] * LONGEST, "line 3"), Template([Blank(LONGEST, LONGEST)], "line 3")])
def test_a_template_that_does_not_fit_is_named(template: Template) -> None:
    with pytest.raises(TextError, match=f"line 3 cannot be met: .* must fit into {LONGEST} tokens"):
        run(Inputs(SOURCE[:1], templates=[template]))


def test_a_scale_makes_what_is_predicted_longer() -> None:
    plain, longer = (run(Inputs(SOURCE[:2]), length_beam=1, length_scale=scale).lengths for scale in (1.0, 1.5))
    assert plain.lt(longer).all()


def test_a_budget_sets_the_length() -> None:
    found = run(Inputs(SOURCE[:2]), length_budget=6)
    assert found.lengths.tolist() == [[7], [7]]
    prompt = run(Inputs(SOURCE[:1], templates=[Template([7, Blank()])]), length_budget=4)
    assert prompt.lengths.tolist() == [[6]] and int(prompt.tokens[0, 0, 0]) == 7
    with pytest.raises(OptionError, match=f"--length-budget {LONGEST} does not fit"):
        run(Inputs(SOURCE[:2]), length_budget=LONGEST)


def test_gold_lengths_need_references() -> None:
    found = run(Inputs(SOURCE[:1], gold_lengths=torch.tensor([9])), gold_target_length=True, length_beam=1)
    assert found.lengths.tolist() == [[9]]
    with pytest.raises(OptionError, match="--gold-target-length needs data with references"):
        run(Inputs(SOURCE), gold_target_length=True)


def test_an_ensemble_decodes_what_all_of_its_models_can() -> None:
    found = run(Inputs(SOURCE[:1]), [network(), network(1, longest=8)], length_beam=20)
    assert found.lengths.max() <= 8


@pytest.mark.parametrize("strategy", ["mask_predict", "without_remasking", "easy_first"])
@pytest.mark.parametrize("part", ["encoder.lengths.weight", "decoder.output.weight"])
def test_a_model_of_nans_is_refused(part: str, strategy: str) -> None:
    broken = network()
    with torch.no_grad():
        broken.get_parameter(part).fill_(math.nan)
    options = {"confidence_threshold": 0.5} if strategy == "without_remasking" else {}
    with pytest.raises(ModelError, match=r"not numbers \(NaN\) in float32"):
        run(Inputs(SOURCE[:2]), [broken], strategy=strategy, **options)


def test_the_cosine_schedule_reveals_slowly() -> None:
    def masked(schedule: str) -> list[int]:
        trace = Trace()
        run(Inputs(SOURCE[:1]), trace=trace, mask_schedule=schedule, length_budget=11, iterations=4)
        return [int(made.asked.sum()) for made in trace.passes]

    assert masked("linear") == [12, 9, 6, 3] and masked("cosine") == [12, 11, 8, 4]


@pytest.mark.parametrize("strategy", ["mask_predict", "without_remasking", "easy_first"])
def test_an_empty_line_costs_one_token(strategy: str) -> None:
    def asked(source: torch.Tensor) -> int:
        trace = Trace()
        run(Inputs(source), trace=trace, strategy=strategy, length_beam=LONGEST)
        return sum(int(made.asked.sum()) for made in trace.passes)

    # The other candidates of an empty line are none; they stand there with one token, and the loop asks for it once.
    assert asked(SOURCE) - asked(SOURCE[:2]) <= LONGEST


def test_how_long_other_sentences_take_decides_about_no_candidate() -> None:
    source = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 11, 12, 2]])
    gold = torch.tensor([4, 20])
    # A pass for each token: the short sentence is done while the long one goes on and halves its candidates.
    options = {"gold_target_length": True, "length_beam": 4, "halve_candidates": 4, "iterations": 0}

    def kept(rows: slice) -> list[int]:
        found = run(Inputs(source[rows], gold_lengths=gold[rows]), **options)
        return [int(number) for number in found.scores.gt(-math.inf).sum(1)]

    assert kept(slice(0, 2)) == kept(slice(0, 1)) + kept(slice(1, 2)) == [2, 1]


def test_a_template_loses_as_many_candidates_beside_others() -> None:
    many, few = Template([7, Blank(1, 3)]), Template([7, Blank()])
    options = {"length_beam": 9, "halve_candidates": 2}
    alone = run(Inputs(SOURCE[:1], templates=[many]), **options).scores[0]
    beside = run(Inputs(SOURCE[:2], templates=[many, few]), **options).scores[0]
    assert beside[: len(alone)].allclose(alone) and alone.isfinite().sum() == 2


def test_random_masks_depend_on_the_seed_and_on_nothing_else() -> None:
    def scores(seed: int) -> tuple[float, ...]:
        found = run(Inputs(SOURCE), strategy="remdm_rescale", eta=0.5, iterations=8, seed=seed)
        return tuple(found.scores[:2].flatten().tolist())

    assert len({scores(seed) for seed in range(4)}) > 1 and scores(3) == scores(3)


class Endless:
    """A model that prefers the same word everywhere, and never the end."""

    def prefer(self, source: Tensor, size: int) -> Prefer:
        """Return the preference."""
        return lambda tokens, asked, number, rows: Preferred(torch.full_like(tokens, 7), torch.zeros(tokens.shape))


def test_a_verified_search_that_never_ends_is_cut() -> None:
    judges = Judges(verifier=Endless())  # type: ignore[arg-type]
    made = network(longest=260)
    found = decode([made], Inputs(SOURCE[:1]), Decoding.of(verify_with="x", length_beam=1), SYMBOLS, None, judges)
    assert found.lengths.tolist() == [[201]] and found.tokens[0, 0, -2:].tolist() == [7, SYMBOLS.eos]


def test_candidates_of_a_sentence_draw_apart() -> None:
    gold = Inputs(SOURCE[:1], gold_lengths=torch.tensor([16]))
    options: dict[str, Any] = {"gold_target_length": True, "iterations": 1, "temperature": 1e4, "length_prior": 0.0}
    one, other = run(gold, length_beam=2, **options).tokens[0, :, :15]
    assert one.eq(other).sum() < 8, "of 15 places a sixteenth is alike by chance"


@pytest.mark.parametrize("length", [6, 9])
def test_a_template_may_have_the_length_of_the_reference(length: int) -> None:
    template = Inputs(SOURCE[:1], gold_lengths=torch.tensor([length]), templates=[Template([7, Blank()])])
    assert run(template, gold_target_length=True, length_beam=1).lengths.tolist() == [[length]]


def test_a_quality_head_judges_the_words_that_are_written() -> None:
    networks, trace = [network(seed, heads=("quality",)) for seed in (0, 1)], Trace()
    run(Inputs(SOURCE[:1]), networks, trace, plan_by="quality", length_budget=8, iterations=3)
    first = trace.passes[0]
    states = [one.states(one.encode(SOURCE[:1]), first.tokens, torch.arange(9)) for one in networks]
    judged = torch.stack([one.heads["quality"](its).squeeze(1).sigmoid() for one, its in zip(networks, states)]).mean(0)
    assert first.log_probs[0].exp().tolist() == pytest.approx(judged.tolist(), abs=1e-5)
    # Of nine tokens six stay masked after the first of three passes: those that are judged the worst.
    assert first.remasked[0].nonzero().flatten().tolist() == sorted(judged.argsort()[:6].tolist())
