"""Mask-Predict for fairseq: a conditional masked language model, its training and its decoding.

From Python, `Translator` translates strings with a trained model. The folder of this package is what fairseq's
`--user-dir` takes: there, and where it is imported after fairseq, it registers its task, model and criteria. Importing
it alone loads neither fairseq nor torch, and `decoding`, `training`, `model` and `inference` need torch alone.

Dimensions, the same in every file:

    B  sentences            S  source positions          V  vocabulary
    K  length candidates    T  target positions          D  features
    N  rows, B * K          L  lengths, 0 .. L-1         M  masked positions of a batch, flattened

T also stands for the number of passes where no tensor is meant, as in the paper. Lengths count `</s>`. Probabilities
are in natural log.
"""

import sys
from typing import Any

__all__ = ["Candidate", "Likelihood", "TracedPass", "Translation", "Translator"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import `Translator` and its results at first use."""
    if name in __all__:
        from fairseq_cmlm import translator

        return getattr(translator, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


class _UserDir(list[str]):
    """The folder of the package, which registers the plugin when fairseq looks for it.

    fairseq does not import a --user-dir again that a program has already imported: it only checks that the folder is in
    the module's path.
    """

    def __contains__(self, folder: object) -> bool:
        from fairseq_cmlm import plugin  # noqa: F401  registers

        return super().__contains__(folder)


if "fairseq" in sys.modules:
    from fairseq_cmlm import plugin  # noqa: F401  registers
else:
    __path__ = _UserDir(__path__)
