"""Write the folders in fixtures/: a checkpoint with its dictionaries, and what it computes and translates.

    python tests/conversion/make_fixtures.py

They were written once and stay, so that the converter is held to files that no later change of this writer alters.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import released_forward
import torch
from released_layout import LAYOUTS, Layout, checkpoint, on_a_gpu, serialise, words, write

FIXTURES = Path(__file__).parent / "fixtures"
KINDS = {
    "post_norm_float16_legacy": (LAYOUTS["post-norm, one table"], True),
    "pre_norm_float32_zip": (LAYOUTS["pre-norm, three tables"], False),
}
LENGTHS = (5, 1, 12)


def expected(layout: Layout, model: dict[str, torch.Tensor]) -> list[dict[str, Any]]:
    """For some sentences of words, the length log-probabilities and the translation, T=4 and l=3."""
    released = {name: value.float().double() for name, value in model.items()}
    source = words(layout, "encoder")
    target = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *words(layout, "decoder")]
    found = []
    for number, length in enumerate(LENGTHS):
        sentence = [(7 * number + 3 * place) % len(source) for place in range(length)]
        tokens = [5 + word for word in sentence] + [released_forward.EOS]
        log_probs = released_forward.encode(released, layout, torch.tensor([tokens]))[1][0, 1:]
        translation = released_forward.mask_predict(released, layout, tokens, iterations=4, candidates=3)
        found.append(
            {
                "source": " ".join(source[word] for word in sentence),
                "length_log_probs_from_1": [round(value, 6) for value in log_probs.tolist()],
                "translation": " ".join(target[token] for token in translation),
            }
        )
    return found


def main() -> None:
    for name, (layout, half) in KINDS.items():
        state = checkpoint(layout, seed=11, half=half, optimizer=half)
        content = serialise(state, legacy=half)
        write(FIXTURES / name, layout, on_a_gpu(content) if half else content)
        numbers = json.dumps(expected(layout, state["model"]), indent=1)
        (FIXTURES / name / "expected.json").write_text(numbers + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
