"""Translation from Python: what fairseq's commands print, as values."""

from __future__ import annotations

import io
import json
import math
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest
import torch
from fairseq.hub_utils import GeneratorHubInterface
from fairseq_commands import LANGUAGES, PLUGIN, by_sentence, generate, preprocess, run, train
from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from fairseq_cmlm import TracedPass, Translator
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.plugin.model import CMLMModel

TEXTS = [
    "The small dog sees the boat, doesn't it?",
    "",
    "a bird",
    "the <mask> @@ &amp; wörd",
    "   ",
    "the strong king hears every small dog in the quiet garden",
]


class Subwords(NamedTuple):
    """A model of subwords, with all that it takes to translate raw text."""

    data: Path
    codes: Path
    checkpoint: Path


@pytest.fixture(scope="module")
def subwords(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Subwords:
    folder = tmp_path_factory.mktemp("subwords")
    codes = folder / "codes"
    training = "".join((text / f"train.{side}").read_text() for side in ("src", "tgt"))
    with codes.open("w") as file:
        learn_bpe(io.StringIO(training), file, num_symbols=60)
    with codes.open() as file:
        bpe = BPE(file)
    for side in ("src", "tgt"):
        lines = (text / f"train.{side}").read_text().splitlines()
        (folder / f"train.{side}").write_text("".join(bpe.process_line(line) + "\n" for line in lines))
    data = preprocess(folder, folder / "data", "--joined-dictionary", splits=("train",))
    train(data, folder, "--share-all-embeddings", "--lr", "1e-2", updates=100)
    return Subwords(data, codes, folder / "checkpoint_last.pt")


@pytest.fixture(scope="module")
def translator(subwords: Subwords) -> Translator:
    return Translator(subwords.checkpoint, tokenizer="moses", bpe_codes=subwords.codes)


def rewritten(checkpoint: Path, path: Path, noise: float = 0.0, **task: object) -> Path:
    """`checkpoint` as `path`, with noise on its parameters and with other options of its task."""
    state = torch.load(checkpoint)
    state["cfg"]["task"].update(task)
    torch.manual_seed(1)
    for name, value in state["model"].items():
        if value.is_floating_point():
            state["model"][name] = value + noise * torch.randn_like(value)
    torch.save(state, path)
    return path


def test_options_of_the_training_do_not_shorten_the_decoding(subwords: Subwords, tmp_path: Path) -> None:
    hurried = rewritten(subwords.checkpoint, tmp_path / "hurried.pt", iterations_per_token=0.1, stop_unchanged=1)
    found, expected = (
        Translator(path, subwords.data).translate(["the small dog sees the boat"])[0].candidates
        for path in (hurried, subwords.checkpoint)
    )
    assert [one.passes for one in found] == [one.passes for one in expected]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({}, ()),
        ({"iterations": 1, "length_beam": 2}, ("--decoding-iterations", 1, "--length-beam", 2)),
        ({"strategy": "easy_first", "beam": 2}, ("--decoding-strategy", "easy_first", "--beam", 2)),
        ({"original": True, "iterations": 4}, ("--original-decoding", "--decoding-iterations", 4)),
    ],
)
def test_the_results_are_those_of_fairseq_interactive(
    subwords: Subwords, translator: Translator, tmp_path: Path, arguments: dict[str, Any], options: tuple[object, ...]
) -> None:
    (tmp_path / "input").write_text("".join(text + "\n" for text in TEXTS))
    raw = ("--tokenizer", "moses", "--bpe", "subword_nmt", "--bpe-codes", subwords.codes, "--input", tmp_path / "input")
    command = ("interactive", subwords.data, *PLUGIN, *LANGUAGES, "--path", subwords.checkpoint, "--cpu", *raw)
    printed = by_sentence(run(*command, "--nbest", 9, *options))["D"]
    found = translator.translate(TEXTS, **arguments)
    assert len(found) == len(printed) == len(TEXTS)
    for number, translation in enumerate(found):
        rows = [line.split("\t") for line in printed[number]]
        assert [candidate.text for candidate in translation.candidates] == [text for _, text in rows]
        scores = [float(score) * math.log(2) for score, _ in rows]
        assert [candidate.score for candidate in translation.candidates] == pytest.approx(scores, abs=1e-5)
        assert (translation.text, translation.score) == (rows[0][1], translation.candidates[0].score)
    assert any(translation.text for translation in found)
    assert not any("@@" in translation.text or " ," in translation.text for translation in found)


def test_candidates_and_history_are_those_of_fairseq_generate(text: Path, data: Path, checkpoint: Path) -> None:
    lines = (text / "test.src").read_text().splitlines()
    options = ("--nbest", 3, "--length-beam", 3, "--print-step", "--retain-iter-history")
    printed = generate(data, checkpoint, *options)
    for number, translation in enumerate(Translator(checkpoint).translate(lines, length_beam=3, history=True)):
        candidates = translation.candidates
        assert [one.length for one in candidates] == [len(scores.split()) for scores in printed["P"][number]]
        assert [one.passes for one in candidates] == [int(steps) for steps in printed["I"][number]]
        states: list[list[str]] = []
        for one in candidates:
            assert one.history is not None
            assert len(one.history) == one.passes
            assert one.history[0].read == ["<mask>"] * one.length
            assert one.history[-1].written == [*one.text.split(), "</s>"]
            states += [state for traced in one.history for state in (traced.read, traced.written)]
        assert {len(state) for one in candidates for state in states} == {one.length for one in candidates}
        shown = [" ".join(word for word in state if word != "</s>") for state in states]
        assert shown == printed["E"][number]


def test_history_is_kept_only_if_asked_for(translator: Translator) -> None:
    assert translator.translate(["a bird"])[0].candidates[0].history is None


@pytest.mark.parametrize("max_tokens", [0, 25])
def test_the_batch_changes_nothing(translator: Translator, max_tokens: int) -> None:
    together, parted = translator.translate(TEXTS), translator.translate(TEXTS, max_tokens=max_tokens)
    assert [one.text for one in parted] == [one.text for one in together]
    assert [one.score for one in parted] == pytest.approx([one.score for one in together], abs=1e-5)
    assert [one.text for one in translator.translate(TEXTS[::-1])] == [one.text for one in together][::-1]


@pytest.mark.parametrize("space", list("\t\n\x0b\x0c\x1c\x85\xa0\u2003\u2028\u2029\u3000"))
@pytest.mark.parametrize("tokenizer", [None, "moses"])
def test_any_white_space_separates_words(subwords: Subwords, tokenizer: Optional[str], space: str) -> None:
    plain = Translator(subwords.checkpoint, tokenizer=tokenizer, bpe_codes=subwords.codes)
    text, target = "the small dog sees the boat", "a dokeno kon"
    spaced_text, spaced_target = (f"{space}{words.replace(' ', space)}{space}" for words in (text, target))
    assert plain.translate([spaced_text]) == plain.translate([text])
    assert plain.likelihood([text], [spaced_target]) == plain.likelihood([text], [target])


def test_white_space_reaches_interactive_and_the_hub_alike(
    subwords: Subwords, hub: GeneratorHubInterface, tmp_path: Path
) -> None:
    """Without a tokenizer, too: subword-nmt takes U+00A0 and U+2028 for letters."""
    text, spaced = "the small dog sees the boat", "the\xa0small\u2028dog\tsees  the\x85boat"
    (tmp_path / "input").write_text(f"{text}\n{spaced}\n")
    raw = ("--bpe", "subword_nmt", "--bpe-codes", subwords.codes, "--input", tmp_path / "input")
    command = ("interactive", subwords.data, *PLUGIN, *LANGUAGES, "--path", subwords.checkpoint, "--cpu", *raw)
    printed = by_sentence(run(*command))
    assert printed["S"][0] == printed["S"][1] and "<unk>" not in printed["S"][0][0]
    assert hub.encode(spaced).equal(hub.encode(text))


def test_max_tokens_limits_a_batch(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    inference_step = translator._task.inference_step

    def step(generator: Any, models: Any, sample: Any) -> Any:
        shapes.append(tuple(sample["net_input"]["src_tokens"].shape))
        return inference_step(generator, models, sample)

    monkeypatch.setattr(translator._task, "inference_step", step)
    translator.translate(["a dog"] * 20, max_tokens=30)
    assert sum(rows for rows, _ in shapes) == 20
    assert len(shapes) > 1
    assert all(rows * width <= 30 for rows, width in shapes)


def test_nothing_is_translated_by_nothing(translator: Translator) -> None:
    assert translator.translate([]) == []
    assert [one.text for one in translator.translate(["", " \n "])] == ["", ""]


def test_a_text_that_is_too_long_is_named(translator: Translator) -> None:
    words = "@ " * 39
    assert translator.translate(["a dog", words])[1].text
    with pytest.raises(TextError, match=r"texts\[1\] has 41 tokens .* reads at most 40"):
        translator.translate(["a dog", words + "@"])


@pytest.mark.parametrize("texts", ["a dog", [b"a dog"], ["a dog", None]])
def test_what_is_no_list_of_strings_is_refused(translator: Translator, texts: Any) -> None:
    with pytest.raises(TextError, match="list of strings"):
        translator.translate(texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"iterations": -1}, "--decoding-iterations -1 must be at least 0"),
        ({"length_beam": 0}, "--length-beam 0 must be at least 1"),
        ({"strategy": "best"}, "--decoding-strategy best must be one of"),
        ({"beam": 0}, "--beam 0 must be at least 1"),
    ],
)
def test_options_that_cannot_work_are_refused(translator: Translator, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        translator.translate(["a dog"], **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokenizer": "mose"}, "tokenizer mose is none of moses"),
        ({"bpe_codes": "nowhere"}, "bpe_codes nowhere is no file of codes"),
        ({"bpe_codes": __file__}, "is no file of codes"),
        ({"device": "gpu"}, "device gpu cannot be used"),
    ],
)
def test_what_cannot_be_loaded_is_refused(checkpoint: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Translator(checkpoint, **arguments)


def test_dictionaries_are_looked_for_beside_the_checkpoint(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    moved = rewritten(checkpoint, tmp_path / "model.pt", data=str(tmp_path / "gone"))
    with pytest.raises(CheckpointError, match=r"dict\.src\.txt and dict\.tgt\.txt are not in .* nor in .*gone"):
        Translator(moved)
    expected = Translator(checkpoint).translate(["the dog"])
    assert Translator(moved, data).translate(["the dog"]) == expected
    for language in ("src", "tgt"):
        shutil.copy(data / f"dict.{language}.txt", tmp_path)
    assert Translator(moved).translate(["the dog"]) == expected


def test_languages_are_read_off_the_data_or_asked_for(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    silent = rewritten(checkpoint, tmp_path / "model.pt", source_lang=None, target_lang=None)
    expected = Translator(checkpoint).translate(["the dog"])
    assert Translator(silent).translate(["the dog"]) == expected
    for language in ("src", "tgt"):
        shutil.copy(data / f"dict.{language}.txt", tmp_path)
    with pytest.raises(CheckpointError, match="give source_lang, target_lang"):
        Translator(silent, tmp_path)
    assert Translator(silent, tmp_path, source_lang="src", target_lang="tgt").translate(["the dog"]) == expected


def test_moses_follows_the_languages(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    for language, other in (("src", "fr"), ("tgt", "en")):
        shutil.copy(data / f"dict.{language}.txt", tmp_path / f"dict.{other}.txt")
    languages = {"source_lang": "fr", "target_lang": "en"}
    french = Translator(checkpoint, tmp_path, tokenizer="moses", **languages).translate(["l'the dog"])
    assert french == Translator(checkpoint).translate(["l&apos; the dog"])
    assert french != Translator(checkpoint).translate(["l &apos;the dog"]), "the test shows nothing"


def test_decoding_options_of_the_training_do_not_matter(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    options = {"decoding_iterations": 1, "length_beam": 1, "gold_target_length": True, "original_decoding": True}
    other = rewritten(checkpoint, tmp_path / "model.pt", **options)
    assert Translator(other).translate(["the dog"]) == Translator(checkpoint).translate(["the dog"])


def test_other_dictionaries_are_refused(subwords: Subwords, checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="another source and target dictionary"):
        Translator(checkpoint, subwords.data)


def test_an_ensemble_is_that_of_fairseq(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    other = rewritten(checkpoint, tmp_path / "other.pt", noise=0.05)
    printed = generate(data, f"{checkpoint}:{other}")
    lines = [printed["S"][number][0] for number in range(17)]
    found = Translator([checkpoint, other]).translate(lines)
    assert [one.text for one in found] == [printed["D"][number][0].split("\t")[1] for number in range(17)]
    alone = [Translator(path).translate(lines) for path in (checkpoint, other)]
    assert found[0].score not in (alone[0][0].score, alone[1][0].score)


def test_an_ensemble_decodes_what_all_of_its_models_can(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    limits = ("--max-target-positions", 12, "--max-source-positions", 9)
    train(data, tmp_path, "--share-all-embeddings", *limits, updates=5)
    other = tmp_path / "checkpoint_last.pt"
    for paths in ([checkpoint, other], [other, checkpoint]):
        ensemble = Translator(paths)
        found = ensemble.translate(["the small dog sees the boat"], length_beam=30)
        assert found[0].text and max(one.length for one in found[0].candidates) <= 12
        with pytest.raises(TextError, match=r"texts\[0\] has 11 tokens .* reads at most 9"):
            ensemble.translate(["the " * 10])


def test_one_precision_is_not_passed_off_as_another(checkpoint: Path) -> None:
    lowered = Translator(checkpoint, dtype="bfloat16")
    assert {one.dtype for one in lowered._models[0].parameters()} == {torch.bfloat16}, "before the first translation"
    assert lowered.translate(["the dog"]) == lowered.translate(["the dog"], dtype="bfloat16")
    with pytest.raises(OptionError, match="--decoding-dtype float32: the model was changed to bfloat16 before"):
        lowered.translate(["the dog"], dtype="float32")
    with pytest.raises(OptionError, match="the likelihood needs a float32 model, and this is bfloat16"):
        lowered.likelihood(["the dog"], ["a"])
    with pytest.raises(OptionError, match="--decoding-dtype int4 must be one of"):
        Translator(checkpoint, dtype="int4")


def test_threads_that_lower_a_model_at_once_lower_it_once(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lowered: list[object] = []

    def slowly(network: torch.nn.Module) -> None:
        time.sleep(0.2)
        lowered.append(network.to(torch.bfloat16))

    monkeypatch.setitem(PRECISIONS, "bfloat16", PRECISIONS["bfloat16"]._replace(lower=slowly))
    shared = Translator(checkpoint)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: shared.translate(["the dog"], dtype="bfloat16"), range(3)))
    assert len(lowered) == 1 and found[0] == found[1] == found[2]


def test_the_other_direction_is_refused(checkpoint: Path) -> None:
    with pytest.raises(OptionError, match="-s tgt -t src: the model was trained to translate from src to tgt"):
        Translator(checkpoint, source_lang="tgt", target_lang="src")


def test_what_is_no_checkpoint_of_this_package_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pt"
    torch.save({"model": {}, "args": Fraction(1, 2), "cfg": None}, foreign)
    for paths, message in (
        ([], "no checkpoint is given"),
        (tmp_path / "none.pt", r"there is no checkpoint .*none\.pt"),
        ([checkpoint, tmp_path / "none.pt"], r"there is no checkpoint .*none\.pt"),
        (foreign, "foreign code .*Fraction.* was not loaded"),
        (rewritten(checkpoint, tmp_path / "other.pt", _name="translation"), r"other\.pt is no checkpoint of --task"),
    ):
        with pytest.raises(CheckpointError, match=message):
            Translator(paths)


# fairseq's hub interface


@pytest.fixture(scope="module")
def hub(subwords: Subwords) -> GeneratorHubInterface:
    return CMLMModel.from_pretrained(
        str(subwords.checkpoint.parent),
        checkpoint_file="checkpoint_last.pt",
        data_name_or_path=str(subwords.data),
        tokenizer="moses",
        bpe="subword_nmt",
        bpe_codes=str(subwords.codes),
    )


def test_the_hub_interface_translates_alike(hub: GeneratorHubInterface, translator: Translator) -> None:
    for arguments, options in (
        ({}, {}),
        ({}, {"beam": 5}),
        ({"iterations": 1}, {"decoding_iterations": 1}),
        ({"length_beam": 1}, {"length_beam": 1}),
        ({"strategy": "left_to_right", "beam": 2}, {"decoding_strategy": "left_to_right", "beam": 2}),
        ({"original": True}, {"original_decoding": True}),
    ):
        expected = [one.text for one in translator.translate(TEXTS, **arguments)]
        assert hub.translate(TEXTS, **options) == expected, options
        assert hub.sample(TEXTS, **{"beam": 5, **options}) == expected
    assert hub.translate(TEXTS[0]) == translator.translate(TEXTS)[0].text
    assert hub.translate(TEXTS, decoding_iterations=1) != hub.translate(TEXTS), "an option had no effect"


def test_the_hub_interface_takes_options_when_it_loads(subwords: Subwords) -> None:
    loaded = CMLMModel.from_pretrained(
        str(subwords.checkpoint.parent), "checkpoint_last.pt", str(subwords.data), decoding_iterations=1
    )
    alike = Translator(subwords.checkpoint).translate(["the small dog sees the boat"], iterations=1)
    assert loaded.translate(["the small dog sees the boat"]) == [alike[0].text]


def test_the_hub_interface_encodes_and_decodes(hub: GeneratorHubInterface) -> None:
    tokens = hub.encode("the small dog sees <mask> the boat")
    assert tokens[-1] == hub.task.source_dictionary.eos()
    assert hub.task.target_dictionary.mask_index not in tokens.tolist()
    assert hub.decode(hub.encode("the small dog sees the boat")) == "the small dog sees the boat"
    history = hub.generate([tokens], retain_iter_history=True)[0][0]["history"]
    assert set(hub.string(history[0]["tokens"]).split()) == {"<mask>"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoding_iterations": -1}, "--decoding-iterations -1 must be"),
        ({"sampling": True}, "--sampling True is not for"),
        ({"prefix_allowed_tokens_fn": lambda batch, tokens: [4]}, "prefix_allowed_tokens_fn is not for"),
        ({"beam": 7}, "--beam 7 is for --search-with and --decoding-strategy easy_first and left_to_right"),
        (
            {"inference_step_args": {"constraints": torch.ones(1, 1)}},
            "--constraints is not for --task translation_cmlm: use --infill",
        ),
    ],
)
def test_the_hub_interface_refuses_what_has_no_meaning(
    hub: GeneratorHubInterface, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        hub.translate(["the dog"], **options)
    with pytest.raises(OptionError, match="--score-reference"):
        hub.score(["the dog"])


def test_the_hub_interface_leaves_out_what_is_too_long_if_asked_to(hub: GeneratorHubInterface) -> None:
    long, dog = "@ " * 40, "the dog"
    assert hub.translate([]) == []
    assert hub.translate([long], skip_invalid_size_inputs=True) == []
    assert hub.translate([long, dog], skip_invalid_size_inputs=True) == hub.translate([dog])


def test_the_hub_interface_takes_a_prefix_for_each_sentence_of_a_batch(hub: GeneratorHubInterface) -> None:
    prefix = hub.encode("the")[None, :-1]
    assert hub.translate(["a dog"], inference_step_args={"prefix_tokens": prefix})[0].startswith("the")
    with pytest.raises(OptionError, match="there are 1 prefixes and 2 sentences in the batch"):
        hub.translate(["a dog", "a dog"], inference_step_args={"prefix_tokens": prefix})


def test_the_hub_interface_does_not_pass_one_precision_off_as_another(subwords: Subwords) -> None:
    loaded = CMLMModel.from_pretrained(str(subwords.checkpoint.parent), "checkpoint_last.pt", str(subwords.data))
    lowered = loaded.translate(["the dog"], decoding_dtype="bfloat16")
    assert loaded.translate(["the dog"], decoding_dtype="bfloat16") == lowered
    for options in ({}, {"decoding_dtype": "float32"}):
        with pytest.raises(OptionError, match="--decoding-dtype float32: the model was changed to bfloat16 before"):
            loaded.translate(["the dog"], **options)


def test_the_hub_interface_numbers_the_texts_of_each_call(hub: GeneratorHubInterface) -> None:
    for _ in range(2):
        with pytest.raises(TextError, match="the first of them line 2 with"):
            hub.translate(["the dog", "@ " * 40])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none")
def test_a_cuda_device_gives_the_same(subwords: Subwords, translator: Translator, hub: GeneratorHubInterface) -> None:
    there = Translator(subwords.checkpoint, tokenizer="moses", bpe_codes=subwords.codes, device="cuda")
    texts = [one.text for one in translator.translate(TEXTS)]
    assert [one.text for one in there.translate(TEXTS, history=True)] == texts
    assert hub.cuda().translate(TEXTS) == texts
    hub.cpu()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "alternatives=2 stand in the history of a refinement: ask for it with history=True"),
        ({"history": True, "strategy": "easy_first"}, "alternatives=2 .*: leave them out with easy_first"),
        ({"history": True, "alternatives": -1}, "alternatives=-1 must be a whole number, 0 or more"),
        ({"history": True, "alternatives": 2.5}, "alternatives=2.5 must be a whole number, 0 or more"),
    ],
)
def test_alternatives_that_would_not_be_kept_are_refused(
    translator: Translator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        translator.translate(["the dog"], **{"alternatives": 2, **options})


WATCHED = ["The small dog sees the boat, doesn't it?", "a bird", "the strong king hears every small dog"]


@pytest.mark.parametrize(
    "options", [{}, {"halve_candidates": 1, "length_beam": 4}, {"strategy": "left_to_right", "length_beam": 2}]
)
def test_every_pass_is_told_at_once(translator: Translator, options: dict[str, Any]) -> None:
    told: dict[tuple[int, int], list[TracedPass]] = {}
    found = translator.translate(
        WATCHED,
        history=True,
        attention=True,
        watch=lambda text, number, made: told.setdefault((text, number), []).append(made),
        **options,
    )
    for text, translation in enumerate(found):
        candidates = translation.candidates + translation.given_up
        assert {one.number for one in candidates} == {number for other, number in told if other == text}
        for one in candidates:
            assert told[text, one.number] == one.history


def test_watching_may_end_the_translation(translator: Translator) -> None:
    def gone(text: int, number: int, made: TracedPass) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        translator.translate(["a bird"], watch=gone)


def test_candidates_that_were_given_up_are_kept(translator: Translator) -> None:
    options: dict[str, Any] = {"halve_candidates": 2, "length_beam": 4}
    (found,) = translator.translate(WATCHED[:1], history=True, **options)
    assert sorted(one.passes for one in found.given_up) == [2, 2, 4] and len(found.candidates) == 1
    for one in found.given_up:
        assert one.history is not None and len(one.history) == one.passes
        assert one.score == pytest.approx(one.history[-1].score + one.bonus)
        assert one.history[-1].why == ["given up"] * one.length
        assert one.scores == {"confidence": one.score}
    json.dumps(asdict(found), allow_nan=False)  # as the demo and a trace write it
    (best,) = found.candidates
    assert best.history is not None and best.score == pytest.approx(best.history[-1].score + best.bonus)
    (plain,) = translator.translate(WATCHED[:1], **options)
    assert [one.text for one in plain.given_up] == [one.text for one in found.given_up]
    assert all(one.history is None and one.score == -math.inf for one in plain.given_up)


@pytest.mark.parametrize("options", [{}, {"block_length": 3}])
def test_the_attention_is_over_the_source_as_it_was_read(translator: Translator, options: dict[str, Any]) -> None:
    for translation in translator.translate(WATCHED, history=True, attention=True, **options):
        assert translation.source[-1] == "</s>" and "<pad>" not in translation.source
        history = translation.candidates[0].history
        assert history and len(history) == translation.candidates[0].passes
        for made in history:
            assert [len(shares) for shares in made.attention] == [len(translation.source)] * len(made.written)
            assert all(sum(shares) == pytest.approx(1, abs=1e-4) for shares in made.attention)
    with pytest.raises(OptionError, match="the attention stands in the history: ask for it with history=True"):
        translator.translate(WATCHED, attention=True)


@pytest.mark.parametrize(
    "options", [{}, {"strategy": "without_remasking"}, {"iterations": 0}, {"mask_schedule": "cosine", "iterations": 6}]
)
def test_going_on_unchanged_is_as_if_never_interrupted(translator: Translator, options: dict[str, Any]) -> None:
    for candidate in translator.translate(WATCHED[:1], history=True, length_beam=2, **options)[0].candidates:
        history = candidate.history
        assert history is not None and len(history) > 3
        for done, made in enumerate(history[:-1], start=1):
            found = translator.go_on(
                WATCHED[0],
                made.written,
                probabilities=made.probabilities,
                masked=made.masked_again,
                done=done,
                history=True,
                **options,
            )
            rest = found.candidates[0].history
            assert rest is not None and [one.written for one in rest] == [one.written for one in history[done:]]
            assert [one.masked_again for one in rest] == [one.masked_again for one in history[done:]]
            assert found.score == pytest.approx(candidate.score, abs=1e-4)


def test_going_on_needs_to_know_how_sure_the_tokens_are_that_stand(translator: Translator) -> None:
    (made, *_) = translator.translate(WATCHED[:1], history=True, length_beam=1)[0].candidates[0].history or []
    canvas = {"probabilities": made.probabilities, "masked": made.masked_again, "done": 1}
    with pytest.raises(OptionError, match="--decoding-order margin cannot go on with mask_predict"):
        translator.go_on(WATCHED[0], made.written, order="margin", **canvas)
    assert translator.go_on(WATCHED[0], made.written, order="margin", strategy="without_remasking", **canvas).text


def test_a_search_goes_on_before_its_end_is_written(translator: Translator) -> None:
    options = {"strategy": "left_to_right", "beam": 1}
    history = translator.translate(WATCHED[:1], history=True, length_beam=1, **options)[0].candidates[0].history or []
    made = history[1]
    assert made.written[-1] == "<mask>"
    canvas = {"probabilities": [0.0 if p != p else p for p in made.probabilities], "masked": made.masked_again}
    found = translator.go_on(WATCHED[0], made.written, done=2, history=True, **canvas, **options)
    rest = found.candidates[0].history or []
    assert [one.written for one in rest] == [one.written for one in history[2:]]


def test_fixed_tokens_stay_and_a_longer_draft_is_filled(translator: Translator) -> None:
    (made,) = translator.translate(WATCHED[:1], history=True, iterations=1)[0].candidates[0].history or []
    written = [made.written[1], made.written[0], *made.written]
    number = len(written)
    found = translator.go_on(
        WATCHED[0],
        written,
        probabilities=[1.0] * number,
        masked=[True] * (number - 1) + [False],
        fixed=[True, True, *[False] * (number - 2)],
        done=0,
        history=True,
    )
    history = found.candidates[0].history
    assert history is not None and found.candidates[0].length == number
    assert all(one.written[:2] == written[:2] and one.why[:2] == ["given"] * 2 for one in history)
    assert history[0].predicted == [False] * 2 + [True] * (number - 3) + [False]
