"""Reading the output of fairseq-generate: translations, signatures and costs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Optional

from fairseq_cmlm.errors import TextError

# Beginnings of the lines with the signatures of decoding and text pipeline, which precede all translations.
SIGNATURE, TEXT_SIGNATURE = "# decoding ", "# text "
_LINE = re.compile(r"^([HD])-(\d+)\t([^\t]*)\t(.*)$")
_TARGET = re.compile(r"^T-(\d+)\t(.*)$")
_SOURCE = re.compile(r"^S-(\d+)\t(.*)$")
# Lines that a choice among labels adds: the scores of the labels, and the temperature fitted to them.
TEMPERATURE = "# temperature "
_SCORES = re.compile(r"^L-(\d+)\t(.*)$")
# The final lines of fairseq-generate and fairseq-interactive, to which this package adds the passes.
_GENERATED = re.compile(r"Translated ([\d,]+) sentences \(([\d,]+) tokens\) in ([\d.]+)s ")
_INTERACTIVE = re.compile(r"Total time: .* translation time: ([\d.]+)")
_AUTOREGRESSIVE = f"{SIGNATURE}autoregressive|"
_PASSES = re.compile(r"; ([\d.]+) passes a sentence(?:, ([\d.]+) tokens a pass)?")


@dataclass(frozen=True)
class Generated:
    """The translation of one sentence.

    tokens  the tokens that the model wrote (H line): subwords, unless fairseq-generate was told to join them
    text    the translation as text (D line), without BPE and tokenisation if --bpe and --tokenizer were given
    """

    tokens: list[str]
    text: str


def read_generated(lines: Iterable[str], name: str) -> dict[int, Generated]:
    """Return sentence number -> best translation in `lines`; `name` is for error messages.

    With --nbest the hypotheses of a sentence follow each other, best first. Raise a TextError if a sentence comes back
    later, because it was then translated twice, or if a translation lacks its H or D line.
    """
    found: dict[str, dict[int, str]] = {"H": {}, "D": {}}
    latest = -1
    for line in lines:
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        kind, number, _, text = match.groups()
        sentence = int(number)
        if sentence in found[kind] and sentence != latest:
            raise TextError(f"{name} translates sentence {sentence} twice")
        found[kind].setdefault(sentence, text)
        latest = sentence
    for kind, other in ("HD", "DH"):
        lost = sorted(found[kind].keys() - found[other].keys())
        if lost:
            raise TextError(f"{name} has a {kind} line but no {other} line for sentence {lost[0]}: is it complete?")
    return {number: Generated(found["H"][number].split(), text) for number, text in found["D"].items()}


def hypotheses_of(lines: Iterable[str]) -> dict[int, list[str]]:
    """Return sentence number -> hypotheses (H lines), best first; with --nbest there are several."""
    found: dict[int, list[str]] = {}
    for match in filter(None, (_LINE.match(line.rstrip("\n")) for line in lines)):
        if match[1] == "H":
            found.setdefault(int(match[2]), []).append(" ".join(match[4].split()))
    return found


def targets_of(lines: Iterable[str]) -> dict[int, str]:
    """Return sentence number -> reference (T line), of sentences that have one."""
    return _numbered(_TARGET, lines)


def sources_of(lines: Iterable[str]) -> dict[int, str]:
    """Return sentence number -> source (S line), of sentences that have one."""
    return _numbered(_SOURCE, lines)


def _numbered(kind: re.Pattern[str], lines: Iterable[str]) -> dict[int, str]:
    matches = (kind.match(line.rstrip("\n")) for line in lines)
    return {int(match[1]): match[2] for match in matches if match}


@dataclass(frozen=True)
class Cost:
    """The cost of an output: seconds in all, passes of a sentence, tokens of a pass; None if unknown."""

    seconds: Optional[float] = None
    passes: Optional[float] = None
    tokens_per_pass: Optional[float] = None


def cost_of(lines: Iterable[str]) -> Cost:
    """Return the cost from the final line of fairseq-generate or fairseq-interactive, in its output or its log.

    An autoregressive model makes one pass per token, `</s>` included; examples/steps/translate.sh marks its outputs.

    >>> cost_of(["Translated 2 sentences (9 tokens) in 1.5s (1.33 sentences/s, 6 tokens/s); 4.0 passes a sentence"])
    Cost(seconds=1.5, passes=4.0, tokens_per_pass=None)
    """
    seconds = passes = tokens = tokens_per_pass = None
    autoregressive = False
    for line in lines:
        autoregressive = autoregressive or line.startswith(_AUTOREGRESSIVE)
        if generated := _GENERATED.search(line):
            seconds = float(generated[3])
            tokens = int(generated[2].replace(",", "")) / max(int(generated[1].replace(",", "")), 1)
        elif interactive := _INTERACTIVE.search(line):
            seconds = float(interactive[1])
        if told := _PASSES.search(line):
            passes, tokens_per_pass = float(told[1]), float(told[2]) if told[2] else None
    if autoregressive:
        passes, tokens_per_pass = tokens, None if tokens is None else 1.0
    return Cost(seconds, passes, tokens_per_pass)


def decoding_of(lines: Iterable[str]) -> str:
    """Return the signature of the decoding that made an output, `unknown` if it has none."""
    return "; ".join(_behind(SIGNATURE, lines)) or "unknown"


def text_of(lines: Iterable[str]) -> str:
    """Return the signature of the text pipeline that joined an output; "" if there was none."""
    return "; ".join(_behind(TEXT_SIGNATURE, lines))


def label_scores_of(lines: Iterable[str], sentences: int, name: str) -> Optional[list[list[float]]]:
    """Return the label scores of each sentence, None if there are none; raise a TextError if some are missing."""
    matches = [match for match in map(_SCORES.match, lines) if match]
    try:
        found = {int(match[1]): [float(one) for one in match[2].split()] for match in matches}
    except ValueError as error:
        raise TextError(f"{name} has label scores that are no numbers ({error}): make it again") from None
    if found and sorted(found) != list(range(sentences)):
        raise TextError(f"{name} has label scores of {len(found)} sentences, and there are {sentences}: make it again")
    return [found[number] for number in range(sentences)] if found else None


def temperature_of(lines: Iterable[str]) -> Optional[float]:
    """Return the temperature that was fitted to the label scores; None if none was."""
    return next(map(float, _behind(TEMPERATURE, lines)), None)


def _behind(head: str, lines: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(line.removeprefix(head).strip() for line in lines if line.startswith(head))


def all_in_order(translations: dict[int, Generated], sentences: int, name: str) -> list[Generated]:
    """Return the translations of sentences 0 to `sentences` - 1; raise a TextError for missing or extra ones."""
    missing = [number for number in range(sentences) if number not in translations]
    if missing:
        raise TextError(
            f"{name} lacks {len(missing)} of {sentences} sentences, the first of them sentence {missing[0]} "
            "(fairseq-generate counts from 0): translate them, or check that the references are of the same text"
        )
    if len(translations) > sentences:
        raise TextError(f"{name} holds {len(translations)} sentences and the reference {sentences}: another text?")
    return [translations[number] for number in range(sentences)]
