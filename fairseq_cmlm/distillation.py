"""`fairseq-cmlm distill`: a teacher's translations of the training text become the targets of a parallel corpus.

Sequence-level distillation (Kim and Rush 2016; paper, section 4.1).
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterable, Mapping, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines, write_files
from fairseq_cmlm.generated import Generated, hypotheses_of, read_generated, sources_of, targets_of
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.text.subword_marks import join_subwords

_SUBWORD_MARKS = re.compile(r"@@(\s|$)|▁|\s")
_CONTROL = {"<s>", "<pad>", "</s>"}
_UNKNOWN = "<unk>"
# The last lines that fairseq-generate prints and logs (the log may go elsewhere).
_FINISHED = re.compile(r"^Generate \S+ with beam=|(^|\| )Translated [\d,]+ sentences \(")
_SHARDS = (
    "translate each shard once, with the same --distributed-world-size and a --distributed-rank of its own "
    "(--num-shards and --shard-id of fairseq-generate hold for --task translation_cmlm only)"
)


@dataclass(frozen=True)
class Shard:
    """An output of fairseq-generate.

    translations  sentence number -> translation
    references    number of tokens in the human translations (T lines); 0 if the text had none
    finished      whether the command ran to its end
    """

    path: Path
    translations: dict[int, str]
    references: int
    finished: bool


def distill(
    outputs: Sequence[Path], source: Path, prefix: str, languages: tuple[str, str], reference: Optional[Path] = None
) -> list[str]:
    """Write PREFIX.SOURCE_LANG, a copy of `source`, and PREFIX.TARGET_LANG, its translations line by line.

    outputs    output of fairseq-generate, or the outputs of all shards
    source     text that fairseq-preprocess was given; the outputs must hold each of its lines once
    reference  human translations that fairseq-preprocess was given: take, of several translations of a sentence
               (--nbest), the one with the highest BLEU against it instead of the most probable one (sequence-level
               interpolation, Kim and Rush 2016, section 3.3)

    The translations are the subwords that the teacher wrote (H lines), one for each sentence. Return lines that say
    what was read and written, and how long the translations are compared with the human ones, because students learn
    omissions from their teacher. Raise a TextError, and write nothing, if a sentence is missing, doubled or of another
    text. An empty translation becomes an empty line and is reported.
    """
    texts = read_lines(source)
    human = None if reference is None else _read_references(reference, source, len(texts))
    shards = [_read_shard(output, source, texts, human) for output in outputs]
    _check_each_once(shards, source, len(texts))
    translations = {number: text for shard in shards for number, text in shard.translations.items()}

    def write_translations(file: IO[bytes]) -> None:
        for number in range(len(texts)):
            file.write(f"{translations[number]}\n".encode())

    def copy_source(file: IO[bytes]) -> None:
        with source.open("rb") as original:
            shutil.copyfileobj(original, file)

    files = {Path(f"{prefix}.{languages[0]}"): copy_source, Path(f"{prefix}.{languages[1]}"): write_translations}
    write_files({path: write for path, write in files.items() if path.resolve() != source.resolve()})
    report = [f"read    {shard.path}: {len(shard.translations)} sentences" for shard in shards]
    report.append(f"wrote   {' and '.join(map(str, files))}: {len(texts)} sentences")
    theirs = sum(shard.references for shard in shards)
    if theirs:
        ours = sum(len(text.split()) for text in translations.values())
        report.append(f"length  {ours / theirs:.3f} of the human translations: {ours} and {theirs} tokens")
    empty = [number for number in range(len(texts)) if not translations[number]]
    if empty:
        report.append(f"empty   the translations of {listed(empty)}: empty lines")
    return report


def _read_references(reference: Path, source: Path, number: int) -> list[str]:
    lines = read_lines(reference)
    if len(lines) != number:
        raise TextError(f"{reference} has {len(lines)} lines and {source} {number}: they are not parallel")
    return lines


def _read_shard(output: Path, source: Path, texts: Sequence[str], human: Optional[Sequence[str]]) -> Shard:
    lines = read_lines(output)
    found = read_generated(lines, str(output))
    _check_text(output, lines, found, source, texts)
    translations = {number: " ".join(translation.tokens) for number, translation in found.items()}
    if human is not None:
        translations = _most_like(human, hypotheses_of(lines))
    references = sum(len(line.split()) for line in targets_of(lines).values())
    return Shard(output, translations, references, any(map(_FINISHED.search, lines)))


def _most_like(human: Sequence[str], hypotheses: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """Return for each sentence the hypothesis with the highest BLEU on words; the more probable one if equal."""
    measure = Bleu([[join_subwords(line.split()) for line in human]], "none", tokenised=True)
    chosen = {}
    for number, texts in hypotheses.items():
        scores = measure.of_sentence(number, [join_subwords(text.split()) for text in texts])
        chosen[number] = texts[scores.index(max(scores))]
    return chosen


def _check_each_once(shards: Sequence[Shard], source: Path, sentences: int) -> None:
    """Raise a TextError for sentences that are missing or in two shards."""
    for i, shard in enumerate(shards):
        for earlier in shards[:i]:
            doubled = shard.translations.keys() & earlier.translations.keys()
            if doubled:
                raise TextError(f"{earlier.path} and {shard.path} both translate {listed(doubled)}: {_SHARDS}")
    missing = set(range(sentences)).difference(*(shard.translations for shard in shards))
    if missing:
        stopped = " and ".join(str(shard.path) for shard in shards if not shard.finished)
        way_out = (
            f"{stopped} ends without the last line of fairseq-generate, run it again"
            if stopped
            else f"a shard is missing ({_SHARDS})"
        )
        raise TextError(
            f"of the {sentences} lines of {source}, {listed(missing)} have no translation: {way_out}; or they are too "
            "long, then raise --max-source-positions and --max-target-positions and leave out "
            "--skip-invalid-size-inputs-valid-test"
        )


def _check_text(
    output: Path, lines: Iterable[str], found: Mapping[int, Generated], source: Path, texts: Sequence[str]
) -> None:
    """Raise a TextError for an output of another text than `source`, or one without subwords."""
    too_many = [number for number in found if number >= len(texts)]
    if too_many:
        raise TextError(f"{output} translates {listed(too_many)}, and {source} has {len(texts)} lines: another text?")
    joined = False
    for number, seen in sources_of(lines).items():
        if _is_text(seen, texts[number]):
            continue
        joined = True
        if _UNKNOWN not in seen and _unmarked(seen) != _unmarked(texts[number]):
            raise TextError(
                f"sentence {number} (from 0) of {output} is '{seen}', and in {source} '{texts[number]}': give the text "
                "that fairseq-preprocess was given, and translate without --tokenizer, a CMLM with --text-pipeline none"
            )
    if joined and all(" ".join(translation.tokens) == translation.text for translation in found.values()):
        raise TextError(f"{output} holds whole words and no subwords: translate without --post-process (--remove-bpe)")


def _is_text(seen: str, text: str) -> bool:
    """Return whether fairseq shows `text` as `seen`: unknown words as <unk>, control symbols as <unk> or not at all."""
    for words in (text.split(), [word for word in text.split() if word not in _CONTROL]):
        shown = seen.split()
        if len(shown) == len(words) and all(a in (b, _UNKNOWN) for a, b in zip(shown, words)):
            return True
    return False


def _unmarked(text: str) -> str:
    """Return a text without spaces and the marks of subwords."""
    return _SUBWORD_MARKS.sub("", text)


def listed(numbers: Iterable[int]) -> str:
    """Describe sentence numbers, at most ten runs of them: `2 sentences (1, 7 counted from 0)`."""
    runs: list[list[int]] = []
    ordered = sorted(numbers)
    for number in ordered:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:10])
    more = ", ..." if len(runs) > 10 else ""
    return f"{len(ordered)} sentence{'s' * (len(ordered) != 1)} ({shown}{more} counted from 0)"
