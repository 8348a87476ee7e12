"""Installs fairseq_cmlm; fairseq comes as fairseq-fixed, the build of fairseq that imports on Python 3.11 and later."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r'^__version__ = "(.+)"$', (here / "fairseq_cmlm/__init__.py").read_text("utf-8"), re.MULTILINE)
assert version is not None

setup(
    name="fairseq_cmlm",
    version=version.group(1),
    description="Mask-Predict for fairseq: conditional masked language models, training and decoding",
    long_description=(here / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["fairseq_cmlm", "fairseq_cmlm.*"]),
    package_data={"fairseq_cmlm": ["py.typed", "render/templates/*"]},
    python_requires=">=3.9,<3.14",
    install_requires=[
        "fairseq-fixed>=0.12.3.1",
        "torch>=2.7",  # the first with nonzero_static on CUDA (pytorch#141838)
        "sacremoses",
        "subword-nmt",
        "sacrebleu>=2",
        "jinja2",  # torch needs it as well
    ],
    extras_require={
        "bench": ["ctranslate2"],
        "plots": ["matplotlib"],
        "zh": ["rjieba"],
        "sentencepiece": ["sentencepiece"],
        "test": ["pytest", "hypothesis", "ruff", "mypy", "ctranslate2", "matplotlib", "rjieba", "sentencepiece"],
    },
    entry_points={"console_scripts": ["fairseq-cmlm=fairseq_cmlm.commands.main:main"]},
)
