"""Examples answered by a choice, and the temperature of such choices, for two subcommands."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Optional, Sequence

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.example import Example, check_answers, read_examples


def examples_of(path: Path, wanted: Optional[str] = None) -> tuple[str, list[Example]]:
    """Return the format and the examples of a file; raise a TextError for none, or a format other than `wanted`."""
    name, examples = read_examples(path)
    if not examples:
        raise TextError(f"{path} has no example")
    if name != (wanted or name):
        raise TextError(f"{path} has the format {name}, and the other examples have {wanted}")
    return name, examples


def labels_of_all(examples: Sequence[Example]) -> list[str]:
    """Return the labels to choose from, which must be the same for all examples."""
    found: list[str] = examples[0].details.get("labels", [])
    if not found or any(example.details.get("labels") != found for example in examples):
        raise TextError("the examples have not all the same labels: write them again by fairseq-cmlm format")
    return found


def refuse_other_labels(path: Path, examples: Sequence[Example], answered: Sequence[Example]) -> None:
    """Raise a TextError unless the examples of a file have the labels of those that are answered, and one each."""
    ours, theirs = labels_of_all(examples), labels_of_all(answered)
    if ours != theirs:
        raise TextError(
            f"{path} has the labels {', '.join(ours)}, and the examples that are answered have {', '.join(theirs)}"
        )
    check_answers(path, examples, "nothing can be learned from it")


def same_texts(examples: Sequence[Example], others: Sequence[Example]) -> bool:
    """Return whether the examples have the sources of the others, whatever their files are called."""
    return sorted(example.source for example in examples) == sorted(example.source for example in others)


def temperature_on(
    path: Optional[Path],
    choose: Callable[[Sequence[Example]], Chosen],
    name: str,
    answered: Sequence[Example],
    trained: Sequence[Example] = (),
) -> Optional[float]:
    """Fit the temperature of a choice among labels to the examples of a file.

    They must be neither those that are `answered` nor those that the choice was `trained` on, where it was.
    """
    if path is None:
        return None
    if name != "classification":
        raise OptionError(f"--calibrate-on {path} is for classification, and the examples are of {name}: leave it out")
    examples = examples_of(path, name)[1]
    if same_texts(examples, answered):
        raise OptionError(
            f"--calibrate-on {path} is the text that is answered: the temperature would be fitted to what is measured; "
            "name another text, or leave it out"
        )
    if same_texts(examples, trained):
        raise OptionError(f"--calibrate-on {path} is the training text of --train: name another text")
    refuse_other_labels(path, examples, answered)
    from fairseq_cmlm.measures.calibration import fitted_temperature

    scores, labels = choose(examples).label_scores or (), labels_of_all(examples)
    return fitted_temperature(scores, [labels.index(example.references[0]) for example in examples])
