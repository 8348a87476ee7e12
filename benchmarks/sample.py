"""A batch as fairseq's generators take it, and words from what they return."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence, TypeVar

from fairseq import utils
from torch import Tensor

from benchmarks.sentences import Sentence

Result = TypeVar("Result")


class Sample(NamedTuple):
    """fields as fairseq collates them; row i holds sentence order[i] of the batch."""

    fields: dict[str, Any]
    order: list[int]

    def in_order(self, results: Sequence[Result]) -> list[Result]:
        """One result for each row -> one for each sentence of the batch."""
        return [result for _, result in sorted(zip(self.order, results), key=lambda pair: pair[0])]


def make_sample(task: Any, batch: Sequence[Sentence], device: str) -> Sample:
    """Collate the sources as the task does for fairseq-interactive."""
    encode = task.source_dictionary.encode_line
    tokens = [encode(" ".join(sentence.source), add_if_not_exist=False).long() for sentence in batch]
    dataset = task.build_dataset_for_inference(tokens, [len(one) for one in tokens])
    fields = dataset.collater([dataset[i] for i in range(len(batch))])
    order = fields["id"].tolist()
    return Sample(fields if device == "cpu" else utils.move_to_cuda(fields, device), order)


def words(task: Any, tokens: Tensor) -> list[str]:
    """The subwords that a hypothesis stands for, without `<s>` and `</s>`."""
    return str(task.target_dictionary.string(tokens)).split()
