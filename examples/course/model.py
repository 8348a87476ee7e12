"""Write what the course shows of a model itself: its modules, and the views that training methods make of sentences.

    python model.py CHECKPOINT SOURCE TARGET FOLDER

SOURCE and TARGET are raw text, some sentences, line by line. FOLDER receives model.json and views.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairseq_cmlm.files import read_lines, write_text
from fairseq_cmlm.plugin.loading import load_models
from fairseq_cmlm.plugin.prepared_text import prepared_text
from fairseq_cmlm.training.batch_loss import Batch
from fairseq_cmlm.training.noising import NOISINGS, Example
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training

# What is shown: name -> options of the training. Two languages are not compared with each other.
METHODS: dict[str, dict[str, Any]] = {
    **{name: {"noising": name} for name, row in NOISINGS.items() if not row.reads_source},
    **{name: {"objective": name} for name in ("glancing", "smart", "cmlmc", "amom")},
}
DRAWS = (1, 2, 3, 4)


class Recorder:
    """A network that keeps the canvases which carry a loss: of the others no gradient is asked."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.canvases: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def states(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Read a canvas, and keep it."""
        if torch.is_grad_enabled():
            self.canvases.append(canvas)
        return self._network.states(encoding, canvas, positions)

    def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Read a canvas, and keep it."""
        return self._network.project(self.states(encoding, canvas, positions))


def modules(checkpoint: Path, network: Any) -> dict[str, Any]:
    """Return the modules that have parameters, with the shapes of these; a shared table counts once."""
    found = []
    for name, module in network.named_modules():
        shapes = {key: list(one.shape) for key, one in module.named_parameters(recurse=False)}
        if shapes:
            found.append({"name": name, "kind": type(module).__name__, "shapes": shapes})
    parameters = sum(one.numel() for one in network.parameters())
    return {"checkpoint": checkpoint.parent.name, "parameters": parameters, "modules": found}


def views(task: Any, network: Any, source: str, target: str) -> dict[str, Any]:
    """Return what each method has the network read of a sentence, in several draws of the masks."""
    text, _ = prepared_text(task.text, (task.cfg.source_lang, task.cfg.target_lang), None, None)
    sides = ((text.source(source), task.source_dictionary), (text.target(target), task.target_dictionary))
    tokens = [words.encode_line(line, add_if_not_exist=False).long()[None] for line, words in sides]
    words = task.target_dictionary

    def read(draw: int) -> dict[str, Any]:
        keys, control = torch.tensor([draw]), tuple(words.control_symbols())
        example = Example(tokens[1], tokens[1].ne(words.pad()), keys, words.mask_index, control=control)
        found = {}
        for name, given in METHODS.items():
            recorder, options = Recorder(network), Training(**given)
            OBJECTIVES[options.objective].loss(recorder, Batch(tokens[0], example), options)
            found[name] = [[words[token] for token in canvas[0].tolist()] for canvas in recorder.canvases]
        return found

    return {"source": source, "target": [words[one] for one in tokens[1][0].tolist()], "draws": [*map(read, DRAWS)]}


def main(checkpoint: str, source: str, target: str, folder: str) -> None:
    """Write both files."""
    torch.manual_seed(1)
    task, (network,) = load_models([Path(checkpoint)], None, None, None)
    network.eval()
    pairs = zip(read_lines(Path(source)), read_lines(Path(target)))
    mask = task.target_dictionary[task.target_dictionary.mask_index]
    shown = {"mask": mask, "sentences": [views(task, network, *pair) for pair in pairs]}
    for name, content in (("model", modules(Path(checkpoint), network)), ("views", shown)):
        write_text(Path(folder) / f"{name}.json", json.dumps(content, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
