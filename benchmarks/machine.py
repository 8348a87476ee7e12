"""What a measurement was made on."""

from __future__ import annotations

import logging
import os
import platform
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("torch", "fairseq-fixed", "fairseq_cmlm", "ctranslate2", "numpy")


def _cpu() -> str:
    """The processor's name, and family and model number where the system tells them: a name may be a mere brand."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return f"{facts.get('model name')} (family {facts.get('cpu family')}, model {facts.get('model')})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def describe(device: str) -> dict[str, object]:
    """Processor, cores, load and versions."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name(device) if device != "cpu" else "cpu",
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def quiet() -> None:
    """Silence what fairseq and hydra log and warn of, here and in processes started from here."""
    os.environ.setdefault("LOGLEVEL", "WARNING")
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
