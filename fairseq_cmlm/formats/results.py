"""The results of systems in a task, as a table and as JSON for the table of all tasks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Mapping, NamedTuple, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.generated import Cost
from fairseq_cmlm.measures.score import cost_columns
from fairseq_cmlm.measures.significance import Difference, named_tests
from fairseq_cmlm.measures.table import TASK_MEASURES
from fairseq_cmlm.render.markdown import markdown_table, numbers

Scores = Sequence[Optional[float]]


class Provenance(NamedTuple):
    """The origin of an output: its cost, and the signatures of decoding and text; "" if unknown."""

    cost: Cost
    decoding: str
    text: str


class Group(NamedTuple):
    """A group of examples, and each system's score on them.

    scores  by the format's main measure
    others  name in TASK_MEASURES -> by another one
    """

    name: str
    examples: int
    scores: Scores
    others: Mapping[str, Scores] = {}


class Draws(NamedTuple):
    """Several outputs drawn by one system, and their BLEU against each other; lower means more varied."""

    system: str
    outputs: int
    pairwise_bleu: float


@dataclass
class TaskResults:
    """Measures of systems, in the order of `systems`.

    format       name of the format
    text         what was answered: the name of the file of examples
    scores       name in TASK_MEASURES -> score of each system
    signatures   name in TASK_MEASURES -> how the score was made
    groups       title -> the groups
    differences  name in TASK_MEASURES -> the difference of each system but the first from that
    """

    format: str
    text: str
    examples: int
    systems: list[str]
    scores: dict[str, Scores] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)
    provenance: list[Provenance] = field(default_factory=list)
    groups: dict[str, list[Group]] = field(default_factory=dict)
    draws: list[Draws] = field(default_factory=list)
    differences: dict[str, Sequence[Difference]] = field(default_factory=dict)

    def add(self, measure: str, scores: Scores, signature: str, differences: Sequence[Difference] = ()) -> None:
        """Add a measure if any system has a score, or if its signature says why none has."""
        if signature or any(score is not None for score in scores):
            self.scores[measure], self.signatures[measure] = scores, signature
        if differences:
            self.differences[measure] = differences

    def to_json(self) -> str:
        """Return the content of a file."""
        content = asdict(self)
        content["made"] = [{**asdict(one.cost), "decoding": one.decoding, "text": one.text} for one in self.provenance]
        content["groups"] = {title: [one._asdict() for one in groups] for title, groups in self.groups.items()}
        content["draws"] = [one._asdict() for one in self.draws]
        content["differences"] = {name: [one._asdict() for one in found] for name, found in self.differences.items()}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def of_json(cls, text: str, place: str) -> TaskResults:
        """Return what `to_json` wrote, as far as the table of all tasks needs it; a TextError names `place`."""
        try:
            read = json.loads(text)
            found = cls(*(read[name] for name in ("format", "text", "examples", "systems", "scores", "signatures")))
            for one in read["made"]:
                cost = Cost(one["seconds"], one["passes"], one.get("tokens_per_pass"))
                found.provenance.append(Provenance(cost, one["decoding"], one["text"]))
            lengths = {len(column) for column in (found.provenance, *found.scores.values())}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TextError(f"{place} is no file of results: give what fairseq-cmlm score --json wrote") from None
        if {len(found.systems)} != lengths:
            raise TextError(f"{place} has not a score of every measure for each system: write it again")
        return found

    def to_markdown(self) -> str:
        """Return a table of the systems, those of each kind of group, and the signatures."""
        columns = {}
        for name, scores in self.scores.items():
            columns[TASK_MEASURES[name].title] = _shown(scores, name)
            if name in self.differences:
                columns[f"{TASK_MEASURES[name].title}, difference"] = ["-", *map(str, self.differences[name])]
        columns |= cost_columns([one.cost for one in self.provenance])
        rows = list(zip(self.systems, *columns.values()))
        lines = [markdown_table([f"{self.examples} examples of {self.text}", *columns], rows)]
        for title, groups in self.groups.items():
            main = next(iter(self.scores))
            lines += ["", self._group_table(title, groups, main, [one.scores for one in groups])]
            for name in groups[0].others:
                lines += ["", self._group_table(title, groups, name, [one.others[name] for one in groups])]
        if self.draws:
            drawn = [(one.system, str(one.outputs), f"{one.pairwise_bleu:.1f}") for one in self.draws]
            lines += ["", markdown_table(["drawn by", "outputs", "pairwise BLEU"], drawn)]
        lines += ["", *(f"{TASK_MEASURES[name].title} {told}" for name, told in self.signatures.items() if told)]
        different = {TASK_MEASURES[name].title: found for name, found in self.differences.items()}
        lines += named_tests(different, self.systems[0])
        lines += [f"decoding of {name}: {one.decoding}" for name, one in zip(self.systems, self.provenance)]
        return "\n".join(
            [*lines, *(f"text {told}" for told in dict.fromkeys(one.text for one in self.provenance) if told)]
        )

    def _group_table(self, title: str, groups: Sequence[Group], measure: str, scores: Sequence[Scores]) -> str:
        head = [f"{TASK_MEASURES[measure].title} by {title}", *(f"{one.name} ({one.examples})" for one in groups)]
        return markdown_table(head, list(zip(self.systems, *(_shown(one, measure) for one in scores))))


def _shown(scores: Scores, measure: str) -> list[str]:
    return numbers(scores, TASK_MEASURES[measure].digits)
