"""Installs fairseq_cmlm_runtime: of the sources above, what decodes a bundle, without torch and fairseq.

The plugin has all of it too. An environment has one of the two distributions, as their files have the same names.
"""

import re
from pathlib import Path

from setuptools import setup

root = Path(__file__).parent.parent
version = re.search(r'^__version__ = "(.+)"$', (root / "fairseq_cmlm/__init__.py").read_text("utf-8"), re.MULTILINE)
assert version is not None

setup(
    name="fairseq_cmlm_runtime",
    version=version.group(1),
    description="Decodes the bundles of fairseq_cmlm (Mask-Predict) without torch and fairseq",
    license="MIT",
    package_dir={"": ".."},
    packages=[f"fairseq_cmlm.{name}" for name in ("runtime", "text", "demo", "render")],
    package_data={"fairseq_cmlm.render": ["templates/*"]},
    py_modules=[
        f"fairseq_cmlm.{name}"
        for name in ("__init__", "draft", "errors", "files", "given_words", "options", "translation")
    ],
    python_requires=">=3.9,<3.14",
    install_requires=["numpy", "onnxruntime>=1.17", "sacremoses", "subword-nmt"],
    extras_require={"demo": ["jinja2"], "zh": ["rjieba"], "sentencepiece": ["sentencepiece"]},
    entry_points={"console_scripts": ["fairseq-cmlm-runtime=fairseq_cmlm.runtime.__main__:main"]},
)
