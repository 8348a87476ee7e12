"""The translations in the output of fairseq-generate, complete and in the order of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable

from fairseq_cmlm.errors import TextError

# What precedes the signatures of the decoding and of the text pipeline, before all translations.
SIGNATURE, TEXT_SIGNATURE = "# decoding ", "# text "
_LINE = re.compile(r"^([HD])-(\d+)\t([^\t]*)\t(.*)$")


@dataclass(frozen=True)
class Generated:
    """One sentence.

    tokens  what the model wrote (H line): subwords, unless fairseq-generate was told to join them
    text    the same as text (D line): without BPE and tokenisation where --bpe and --tokenizer were given
    """

    tokens: list[str]
    text: str


def read_generated(lines: Iterable[str], name: str) -> dict[int, Generated]:
    """The best translation of each sentence number in `lines`; `name` is for the messages.

    With --nbest the hypotheses of a sentence follow each other, best first. A sentence that comes back later was
    translated twice, and is a TextError, as is a translation without its H or D line.
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


def decoding_of(lines: Iterable[str]) -> str:
    """Return the signature of the decoding that made an output: `unknown` where it has none, as of another model."""
    return "; ".join(_behind(SIGNATURE, lines)) or "unknown"


def text_of(lines: Iterable[str]) -> str:
    """Return the signature of the text pipeline that joined an output; empty where there was none."""
    return "; ".join(_behind(TEXT_SIGNATURE, lines))


def _behind(head: str, lines: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(line.removeprefix(head).strip() for line in lines if line.startswith(head))


def all_in_order(translations: dict[int, Generated], sentences: int, name: str) -> list[Generated]:
    """The translations of the sentences 0 .. sentences - 1, or a TextError that says which are missing or too many."""
    missing = [number for number in range(sentences) if number not in translations]
    if missing:
        raise TextError(
            f"{name} lacks {len(missing)} of {sentences} sentences, the first of them sentence {missing[0]} "
            "(fairseq-generate counts from 0): translate them, or check that the references are of the same text"
        )
    if len(translations) > sentences:
        raise TextError(f"{name} holds {len(translations)} sentences and the reference {sentences}: another text?")
    return [translations[number] for number in range(sentences)]
