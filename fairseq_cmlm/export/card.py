"""The model card of a bundle: what it is, how large, and how it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional

from fairseq_cmlm.runtime.manifest import Manifest


@dataclass(frozen=True)
class Told:
    """What a card says and no checkpoint knows: the model's scores, and the licence of its training data."""

    scores: Optional[str] = None
    data_licence: Optional[str] = None


_CARD = """\
# Translation from {source} to {target}

A conditional masked language model (Mask-Predict), exported by fairseq_cmlm {package}. It needs neither torch nor
fairseq:

    pip install {packages}
    echo '{example}' | fairseq-cmlm-runtime .
    python -c "from fairseq_cmlm.runtime import Bundle; print(Bundle('.').translate(['{example}'])[0].text)"

| | |
| --- | --- |
| network | {encoder_layers}+{decoder_layers} layers, {features} features, {parameters:,} parameters |
| vocabulary of the target | {words:,} |
| longest source and target | {longest_source} and {longest_target} tokens, `</s>` included |
| trained with | `--objective {objective}` |
| text | {text} |
| graphs (ONNX) | {graphs} |
| scores | {scores} |
| licence of the training data | {licence} |

`bundle.json` has the decoding options and the SHA-256 of every file.
"""
# Packages that some text pipelines need beside those of the runtime, by what a pipeline calls them.
_PACKAGES = {"sentencepiece": "sentencepiece", "jieba": "rjieba"}


def card(manifest: Manifest, files: Mapping[str, bytes], told: Told) -> str:
    """Return the card, in Markdown, of a bundle with these files, name -> content."""
    text = manifest.text or "none: it reads and writes subwords with spaces between them"
    sizes = {
        dtype: sum(len(content) for name, content in files.items() if name.endswith(f".{dtype}.onnx"))
        for dtype in manifest.dtypes
    }
    extra = [package for name, package in _PACKAGES.items() if name in (manifest.text or "")]
    return _CARD.format(
        source=manifest.languages[0],
        target=manifest.languages[1],
        package=manifest.package,
        packages=" ".join(["fairseq_cmlm_runtime", *extra]),
        example="a text" if manifest.text else "sub@@ words",
        **manifest.sizes,
        longest_source=manifest.limits[0],
        longest_target=manifest.limits[1],
        objective=manifest.objective,
        text=text.replace("|", "\\|"),
        graphs=", ".join(f"{dtype} {size / 1e6:.0f} MB" for dtype, size in sizes.items()),
        scores=told.scores or "not told",
        licence=told.data_licence or "not told",
    )
