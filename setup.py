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
    author="The fairseq_cmlm maintainers",
    license="MIT",
    keywords=["non-autoregressive generation", "masked language model", "machine translation", "fairseq"],
    project_urls={
        "Paper": "https://arxiv.org/abs/1904.09324",
        "fairseq": "https://github.com/facebookresearch/fairseq",
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: MIT License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
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
        "scikit-learn",  # fairseq needs it as well
    ],
    extras_require={
        "bench": ["ctranslate2"],
        "export": ["onnx>=1.17", "onnxruntime>=1.17"],
        "runtime": ["onnxruntime>=1.17"],  # without torch and fairseq: the distribution in runtime/
        "docs": ["mkdocs", "mkdocstrings[python]"],
        "plots": ["matplotlib"],
        "applications": ["rouge-score"],
        "zh": ["rjieba"],
        "sentencepiece": ["sentencepiece"],
        "test": [
            *("pytest", "pytest-xdist", "hypothesis", "ruff", "mypy", "ctranslate2", "matplotlib", "rjieba"),
            *("sentencepiece", "rouge-score", "onnx", "onnxruntime", "mkdocs", "mkdocstrings[python]"),
        ],
    },
    entry_points={
        "console_scripts": [
            "fairseq-cmlm=fairseq_cmlm.commands.main:main",
            "fairseq-cmlm-runtime=fairseq_cmlm.runtime.__main__:main",
        ]
    },
)
