"""What is published works: the wheel made of the source distribution has every file, and its command starts."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from fairseq_cmlm import __version__

ROOT = Path(__file__).parents[1]
NEEDED = ("setup.py", "pyproject.toml", "README.md", "LICENSE")
BUILD = "from setuptools import build_meta; print(build_meta.build_{}('built'))"


def copy_package(checkout: Path) -> None:
    """Copy the package into a new folder `checkout`."""
    shutil.copytree(ROOT / "fairseq_cmlm", checkout / "fairseq_cmlm", ignore=shutil.ignore_patterns("__pycache__"))


def build(kind: str, checkout: Path) -> Path:
    """Build the wheel or the sdist of a folder, by what pip and build call, and return its file."""
    # Not imported: setuptools refuses to be, once another test has imported distutils.
    if kind == "wheel" and Version(metadata.version("setuptools")) < Version("70.1"):
        pytest.skip("setuptools before 70.1 need the package wheel")
    words = [sys.executable, "-c", BUILD.format(kind)]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return checkout / "built" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the unpacked sdist of a copy of the checkout, as `python -m build` makes it."""
    folder = tmp_path_factory.mktemp("published")
    checkout = folder / "checkout"
    copy_package(checkout)
    for name in NEEDED:
        shutil.copy(ROOT / name, checkout / name)
    with tarfile.open(build("sdist", checkout)) as archive:
        archive.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    return build("wheel", unpacked)


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "fairseq_cmlm").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "fairseq_cmlm/py.typed" in package and "fairseq_cmlm/render/templates/picture.svg" in package
    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == package


def test_its_metadata_is_complete(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    told = email.message_from_string(archive.read(name).decode())
    assert (told["Name"].replace("-", "_"), told["Version"]) == ("fairseq_cmlm", __version__)
    assert told["Author"] and told["Summary"] and told["Keywords"] and told["Requires-Python"]
    assert "License :: OSI Approved :: MIT License" in told.get_all("Classifier")
    assert {"Paper", "fairseq"} <= {url.partition(",")[0] for url in told.get_all("Project-URL")}
    assert told["Description-Content-Type"] == "text/markdown" and "# fairseq_cmlm" in str(told.get_payload())
    assert any(name.endswith("/LICENSE") for name in archive.namelist())


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel alone into a new folder beside `folder`, and return that."""
    target = folder / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True, cwd=folder, capture_output=True)
    return target


def test_the_installed_command_starts(wheel: Path, tmp_path: Path) -> None:
    target = install(wheel, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(target / "bin" / "fairseq-cmlm"), "path"]
    printed = subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    assert printed == f"{target / 'fairseq_cmlm'}\n"


def test_the_installed_runtime_translates_without_torch(bundle: Path, tmp_path: Path) -> None:
    """The wheel of runtime/ has all that decoding a bundle needs: its modules are taken from it alone."""
    checkout = tmp_path / "checkout"
    copy_package(checkout)
    shutil.copytree(ROOT / "runtime", checkout / "runtime", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    target = install(build("wheel", checkout / "runtime"), tmp_path)
    assert not (target / "fairseq_cmlm" / "model").exists(), "what needs torch is in the runtime's wheel"
    blocked = tmp_path / "blocked"
    for name in ("torch", "fairseq"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text(f"raise ImportError('{name} is blocked')")
    environment = {**os.environ, "PYTHONPATH": f"{blocked}{os.pathsep}{target}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(target / "bin" / "fairseq-cmlm-runtime"), str(bundle)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, input="a bird\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 and done.stdout.strip()
