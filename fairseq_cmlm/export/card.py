"""The model card of a bundle: what it is, how large, and how it is used."""

from __future__ import annotations

from typing import Mapping

from fairseq_cmlm.render.card import Told, model_card
from fairseq_cmlm.runtime.manifest import Manifest

_INTRODUCTION = """\
A conditional masked language model (Mask-Predict), exported by fairseq_cmlm {package}. It needs neither torch nor
fairseq. `bundle.json` has the decoding options and the SHA-256 of every file. In this folder:"""
_USAGE = (
    "pip install {packages}    # in a checkout of fairseq_cmlm",
    "echo '{example}' | fairseq-cmlm-runtime .",
    """python -c "from fairseq_cmlm.runtime import Bundle; print(Bundle('.').translate(['{example}'])[0].text)\"""",
)
# Packages that some text pipelines need beside those of the runtime, by what a pipeline calls them.
_PACKAGES = {"sentencepiece": "sentencepiece", "jieba": "rjieba"}


def card(manifest: Manifest, files: Mapping[str, bytes], told: Told) -> str:
    """Return the card, in Markdown, of a bundle with these files, name -> content."""
    extra = [package for name, package in _PACKAGES.items() if name in (manifest.text or "")]
    words = {
        "package": manifest.package,
        "packages": " ".join(["./runtime", *extra]),
        "example": "a text" if manifest.text else "sub@@ words",
    }
    title = "Translation from {} to {}".format(*manifest.languages)
    usage = [line.format(**words) for line in _USAGE]
    return model_card(title, _INTRODUCTION.format(**words), usage, _facts(manifest, files), told)


def _facts(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the facts for the table, name -> value."""
    sizes = {
        dtype: sum(len(content) for name, content in files.items() if name.endswith(f".{dtype}.onnx"))
        for dtype in manifest.dtypes
    }
    network = "{encoder_layers}+{decoder_layers} layers, {features} features, {parameters:,} parameters"
    return {
        "network": network.format(**manifest.sizes),
        "vocabulary of the target": f"{manifest.sizes['words']:,}",
        "longest source and target": "{} and {} tokens, `</s>` included".format(*manifest.limits),
        "trained with": f"`--objective {manifest.objective}`",
        "text": manifest.text or "none: it reads and writes subwords with spaces between them",
        "graphs (ONNX)": ", ".join(f"{dtype} {size / 1e6:.0f} MB" for dtype, size in sizes.items()),
    }
