"""`fairseq-cmlm score --examples`: a format's measures of outputs, their cost, and scores by group."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.formats.example import Example, check_answers, read_examples
from fairseq_cmlm.formats.format import Format
from fairseq_cmlm.formats.results import Draws, Group, Provenance, TaskResults
from fairseq_cmlm.formats.table import FORMATS
from fairseq_cmlm.generated import decoding_of, sources_of, text_of
from fairseq_cmlm.measures.classification import confusion
from fairseq_cmlm.measures.measure import Gold, Output, Perplexity
from fairseq_cmlm.measures.pairwise_bleu import pairwise_bleu
from fairseq_cmlm.measures.score import cost_beside, read_output, target_language, with_first
from fairseq_cmlm.measures.significance import Difference, compare
from fairseq_cmlm.measures.table import TASK_MEASURES
from fairseq_cmlm.measures.words import letters


class Measured(NamedTuple):
    """A measure of every system.

    scores       None where it is not available
    signature    how the scores were made
    differences  those of all systems but the first from that, where they are asked for and the measure has a test
    """

    scores: list[Optional[float]]
    signature: str
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class Answers:
    """The answers of systems to some examples."""

    examples: Sequence[Example]
    outputs: Sequence[Output]
    tokenise: Optional[str]
    language: str
    judge: Optional[Perplexity]

    def measured(self, name: str, compared: bool = False) -> Measured:
        """Return one of TASK_MEASURES, perhaps compared with that of the first system."""
        scale = TASK_MEASURES[name].scale(self._gold)
        if scale is None:
            return Measured([None] * len(self.outputs), "")
        found = compare(scale, self.outputs) if compared else ()
        return Measured([scale.score(output) for output in self.outputs], scale.signature, found)

    def to(self, numbers: Sequence[int]) -> Answers:
        """Return the answers to the examples of these numbers alone."""
        outputs = [one.to(numbers) for one in self.outputs]
        return replace(self, examples=_at(self.examples, numbers), outputs=outputs)

    @property
    def _gold(self) -> Gold:
        most = max(len(example.references) for example in self.examples)
        references = [
            [example.references[i] if i < len(example.references) else None for example in self.examples]
            for i in range(most)
        ]
        sources, details = [one.source for one in self.examples], [one.details for one in self.examples]
        return Gold(
            references, self.tokenise, language=self.language, sources=sources, judge=self.judge, details=details
        )


def score_examples(
    paths: Sequence[Path],
    file: Path,
    tokenise: Optional[str] = None,
    judge: Optional[Perplexity] = None,
    against: Optional[Path] = None,
) -> TaskResults:
    """Measure outputs of fairseq-generate, or of what prints as it does, against the examples in a file.

    paths     of the outputs; `fairseq-cmlm score` names each by its file
    tokenise  sacreBLEU's tokenizer for BLEU; None is the one of the language that the outputs tell, or 13a
    judge     gives the perplexity of answers; without one it is left out
    against   another output, shown first, with whose scores those of the others are compared, where there is a test
    """
    paths = with_first(against, paths)
    name, examples = read_gold(file)
    for path in paths:
        if twin := next((one for one in paths if one.stem == path.stem and one is not path), None):
            raise TextError(f"{path} and {twin} would have one name in the table, {path.stem}: rename one of them")
    chosen, lines = FORMATS[name], [read_lines(path) for path in paths]
    for path, told in zip(paths, lines):
        _refuse_other(path, told, examples, file)
    outputs = [_answers(chosen, examples, read_output(path, len(examples))) for path in paths]
    answers = Answers(examples, outputs, tokenise, target_language([text_of(one) for one in lines]), judge)
    results = TaskResults(name, file.stem, len(examples), [path.stem for path in paths])
    for measure in (*chosen.measures, "length_ratio"):
        results.add(measure, *answers.measured(measure, compared=against is not None))
    for path, told in zip(paths, lines):
        results.provenance.append(Provenance(cost_beside(path, told), decoding_of(told), text_of(told)))
    results.draws = _draws(results.systems, answers)
    for title, group in chosen.groups.items():
        try:
            groups = [group(example) for example in examples]
        except KeyError as error:
            raise TextError(f"the examples of {file} have no {error}: write them by fairseq-cmlm format") from None
        results.groups[title] = _by_group(answers, groups, chosen)
    return results


class Confusions(NamedTuple):
    """The labels, and for each system by its name the counts of texts by right label (row) and by answer (column)."""

    labels: list[str]
    counts: dict[str, list[list[int]]]


def confusions(paths: Sequence[Path], file: Path) -> Confusions:
    """Count the confusions in outputs of a classification."""
    _, examples = read_gold(file)
    labels = examples[0].details["labels"]
    right = [example.references[0] for example in examples]
    read = {path.stem: read_output(path, len(examples)) for path in paths}
    return Confusions(labels, {name: confusion(right, output.texts, labels) for name, output in read.items()})


def read_gold(file: Path) -> tuple[str, list[Example]]:
    """Return the format and the examples of a file, each with a reference; raise a TextError otherwise."""
    name, examples = read_examples(file)
    if name not in FORMATS:
        raise TextError(f"{file} has the format '{name}', which is none of {', '.join(FORMATS)}")
    if not examples:
        raise TextError(f"{file} holds no example: there is nothing to measure against")
    check_answers(file, examples, "there is nothing to measure against")
    return name, examples


def _refuse_other(path: Path, lines: Sequence[str], examples: Sequence[Example], file: Path) -> None:
    """Raise a TextError if most of the sources that an output tells are of other examples; they may have been cut."""
    told = {i: source for i, source in sources_of(lines).items() if i < len(examples) and "<unk>" not in source}
    others = sum(not letters(examples[i].source).startswith(letters(source)) for i, source in told.items())
    if 2 * others > len(told):
        raise TextError(
            f"{path} answers other examples than those of {file}: {others} of its {len(told)} sources are other texts"
        )


def _answers(chosen: Format, examples: Sequence[Example], output: Output) -> Output:
    texts = [chosen.answer(example, text) for example, text in zip(examples, output.texts)]
    return replace(output, texts=texts)


def _draws(systems: Sequence[str], answers: Answers) -> list[Draws]:
    """Return how similar the outputs drawn by each system are: those named NAME,draw=1 NAME,draw=2 ..."""
    texts: dict[str, list[Sequence[str]]] = {}
    for name, output in zip(systems, answers.outputs):
        system, drawn, _ = name.rpartition(",draw=")
        if drawn:
            texts.setdefault(system, []).append(output.texts)
    several = {system: drawn for system, drawn in texts.items() if len(drawn) > 1}
    return [
        Draws(system, len(drawn), pairwise_bleu(drawn, answers.tokenise, answers.language))
        for system, drawn in several.items()
    ]


def _by_group(answers: Answers, groups: Sequence[str], chosen: Format) -> list[Group]:
    found = []
    for name in sorted(set(groups), key=_number_first):
        numbers = [i for i, one in enumerate(groups) if one == name]
        part = answers.to(numbers)
        others = {measure: part.measured(measure).scores for measure in chosen.grouped}
        found.append(Group(name, len(numbers), part.measured(chosen.main).scores, others))
    return found


def _number_first(group: str) -> tuple[int, str]:
    number = re.match(r"\d+", group)
    return int(number[0]) if number else -1, group


def _at(items: Sequence, numbers: Sequence[int]) -> list:  # type: ignore[type-arg]
    return [items[i] for i in numbers]
