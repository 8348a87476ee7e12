"""Check that fairseq's Transformer was trained on the dictionaries in use, which its checkpoint does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from fairseq import utils

from fairseq_cmlm.errors import CheckpointError


def check_words(state: Mapping[str, Any], task: Any) -> str:
    """Raise a CheckpointError unless the Transformer of the checkpoint `state` has the dictionaries of `task`.

    The numbers of words are compared, and the words themselves if the training's data folder exists. Return a text that
    says how much could be compared.
    """
    compared = []
    theirs = state["cfg"].task
    folder = utils.split_paths(getattr(theirs, "data", None) or "")[0]
    for side, text, dictionary in (
        ("encoder", "source", task.source_dictionary),
        ("decoder", "target", task.target_dictionary),
    ):
        words = dictionary.symbols[: getattr(dictionary, "mask_index", None)]
        rows = len(state["model"][f"{side}.embed_tokens.weight"])
        file = Path(folder, f"dict.{getattr(theirs, f'{text}_lang', None)}.txt")
        found = file.is_file() and task.load_dictionary(str(file)).symbols
        if rows == len(words) and found and found != words:
            raise CheckpointError(
                f"it was trained with another {text} dictionary: {file}, where its training found it, has other words "
                "than the data folder. If other text stands there now, move that away; otherwise preprocess the text "
                "with this dictionary (fairseq-preprocess --srcdict, --tgtdict), or give another checkpoint"
            )
        if rows != len(words):
            raise CheckpointError(
                f"it was trained with another {text} dictionary ({rows} symbols) than the data folder has "
                f"({len(words)}): preprocess the text with the dict.*.txt that it was trained on (fairseq-preprocess "
                "--srcdict, --tgtdict), or give a checkpoint of these"
            )
        compared.append(f"{len(words)} {text} words" + ("" if found else f" by number alone, without {file}"))
    return ", ".join(compared)
