"""examples/gpu/bundle.py and install.py: what a machine without a network needs, gathered from a folder of wheels."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES

sys.path.insert(0, str(EXAMPLES / "gpu"))
import bundle
import install
import parts
import wheels

GPU = EXAMPLES / "gpu"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def make_wheel(folder: Path, name: str, version: str, *requires: str, tag: str = "py3-none-any") -> Path:
    """Write a wheel with one module that holds its version."""
    folder.mkdir(exist_ok=True)
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    files = {
        f"{module}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return path


def test_an_archive_in_parts_is_the_same_again(tmp_path: Path) -> None:
    folder = tmp_path / "from"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one").write_bytes(os.urandom(5000))
    (folder / "two").write_text("zwei")
    os.utime(folder / "a" / "one", (100, 100.25))
    files = {"a": folder / "a", "a/one": folder / "a" / "one", "two": folder / "two"}
    parts.pack(files, tmp_path / "out" / "x.tar", 2000 / parts.MEGABYTE, "xz")
    made = parts.pack(files, tmp_path / "out" / "x.tar", 1500 / parts.MEGABYTE, "gz")
    assert [path.name for path in made] == [f"x.tar.{i}-of-{len(made)}" for i in range(1, len(made) + 1)]
    assert sorted(made) == sorted((tmp_path / "out").iterdir()) and len(made) > 3
    assert all(path.stat().st_size == 1500 for path in made[:-1])
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "two").write_text("there already")
    parts.unpack(tmp_path / "out" / "x.tar", tmp_path / "to", keep=True)
    assert (tmp_path / "to" / "a" / "one").read_bytes() == (folder / "a" / "one").read_bytes()
    assert (tmp_path / "to" / "a" / "one").stat().st_mtime == 100.25
    assert (tmp_path / "to" / "two").read_text() == "there already"
    made[1].unlink()
    with pytest.raises(SystemExit, match=rf"missing: \['x.tar.2-of-{len(made)}'\]"):
        parts.unpack(tmp_path / "out" / "x.tar", tmp_path / "to")


@pytest.mark.parametrize(
    ("there", "chosen", "missing"),
    [
        ({}, ["fairseq-cmlm", "helper", "needed"], []),
        ({"needed": "1.5", "helper": "2"}, ["fairseq-cmlm"], []),
        ({"needed": "1.5"}, ["fairseq-cmlm", "helper"], []),
        ({"needed": "0.9", "helper": "2"}, ["fairseq-cmlm", "needed"], []),
        ({"needed": "1.5", "helper": "2", "torch": "2.6"}, ["fairseq-cmlm"], ["torch>=2.7"]),
        ({"needed": "1.5", "helper": "2", "torch": None}, ["fairseq-cmlm"], ["torch>=2.7"]),
    ],
)
def test_only_what_is_not_there_is_installed(
    tmp_path: Path, there: dict[str, str | None], chosen: list[str], missing: list[str]
) -> None:
    made = [
        make_wheel(tmp_path, "fairseq-cmlm", "1", "needed>=1", "torch>=2.7", 'old; python_version < "3"'),
        make_wheel(tmp_path, "needed", "1.2", "helper", 'extra-only; extra == "more"'),
        make_wheel(tmp_path, "helper", "2"),
    ]
    brought = {path: wheels.in_wheel(path) for path in made}
    installed: dict[str, wheels.Distribution] = {}
    for name, version in {"torch": "2.11.0+cu130", **there}.items():
        requires = ("helper",) if name == "needed" else ("triton==9",) if name == "torch" else ()
        if version is not None:
            installed[name] = wheels.Distribution(name, version, requires)
    target: install.Target = {"python": HERE, "wanted": ["fairseq-cmlm"]}
    found = install.chosen(brought, installed, target)
    assert [wheels.in_wheel(path).name for path in found] == chosen
    now = {**installed, **{brought[path].name: brought[path] for path in found}}
    assert [str(one) for one, _ in wheels.unsatisfied(["fairseq-cmlm"], now, HERE)] == missing


def gather(output: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run bundle.py without a network, for a package more."""
    program = "import bundle; bundle.MORE += ('only-in-the-bundle>=3',); bundle.main()"
    words = [sys.executable, "-c", program, str(output), *options]
    settings = {**OFFLINE, "PYTHONPATH": str(GPU), **settings}
    return subprocess.run(words, env={**os.environ, **settings}, capture_output=True, text=True)


def pinned(name: str, python: str) -> str:
    """The version of a package in constraints.txt; 99 of one that it leaves open."""
    lines = (EXAMPLES.parent / "constraints.txt").read_text().splitlines()
    pins = [wheels.Requirement(line) for line in lines if not line.startswith("#")]
    found = [str(pin.specifier)[2:] for pin in pins if pin.name == name and wheels.holds(pin, python)]
    return found[0] if found else "99"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Wheels of all that the package needs, hollow ones; one is for Python 3.12 alone."""
    folder = tmp_path / "shelf"
    for name in (
        "sacremoses",
        "subword-nmt",
        "sacrebleu",
        "jinja2",
        "matplotlib",
        "pytest",
        "hypothesis",
        "scikit-learn",
    ):
        for version in {pinned(name, HERE), pinned(name, "3.12")}:
            make_wheel(folder, name, version)
    fairseq = ("fairseq-fixed", pinned("fairseq-fixed", HERE))
    make_wheel(folder, *fairseq, "torch>=1.13", "torchaudio", tag="cp312-cp312-manylinux_2_28_x86_64")
    make_wheel(folder, "only-in-the-bundle", "3.1")
    make_wheel(folder, "only-in-the-bundle", "2")
    return folder


def test_a_bundle_installs_beside_the_packages_that_are_there(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "have.txt").write_text(
        f"fairseq-fixed=={pinned('fairseq-fixed', HERE)}\nmatplotlib\nhypothesis\n-e nothing\npytest\n"
    )
    (tmp_path / "work" / "data").mkdir(parents=True)
    for name in ("raw", "tokens/valid", "tokens/test", "bpe"):
        (tmp_path / "work" / name).mkdir(parents=True)
    (tmp_path / "work" / "bpe" / "codes").write_text("a b\n")
    (tmp_path / "work" / "bpe" / "codes.log").write_text("")
    options = ("--have", str(tmp_path / "have.txt"), "--work", str(tmp_path / "work"), "--part", "0.1")
    done = gather(tmp_path / "out", *options, PIP_FIND_LINKS=str(shelf))
    assert done.returncode == 0, done.stderr
    assert "only_in_the_bundle-3.1" in done.stdout and "fetching fairseq" not in done.stdout
    found = list((tmp_path / "out").glob("bundle.tar.xz.*"))
    assert len(found) > 2 and max(path.stat().st_size for path in found) <= 0.1 * parts.MEGABYTE

    words = [sys.executable, str(tmp_path / "out" / "install.py"), str(tmp_path / "a machine")]
    installed = subprocess.run(words, env={**os.environ, **OFFLINE, "PYTHONPATH": ""}, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    names = [line.split()[1].partition("-")[0] for line in installed.stdout.splitlines() if "installed" in line]
    assert names == ["fairseq_cmlm", "only_in_the_bundle"] and "no GPU" in installed.stdout
    venv = tmp_path / "a machine" / "venv" / "bin"
    show = "import torch, only_in_the_bundle, fairseq_cmlm; print(torch.__file__, fairseq_cmlm.__file__)"
    ask = {"env": {"PATH": ""}, "cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    seen = subprocess.run([venv / "python", "-c", show], **ask)
    torch_file, package_file = seen.stdout.split(maxsplit=1)
    assert Path(torch_file) == Path(sys.modules["torch"].__file__ or "") and "a machine" in package_file
    assert (tmp_path / "a machine" / "work" / "bpe" / "codes").exists()
    assert not (tmp_path / "a machine" / "work" / "bpe" / "codes.log").exists()
    assert (tmp_path / "a machine" / "source" / "examples" / "gpu" / "stage.py").exists()
    assert subprocess.run([venv / "fairseq-cmlm", "path"], capture_output=True).returncode == 0

    target = tmp_path / "a machine" / "target.json"
    assert json.loads(target.read_text())["python"] == HERE


def test_what_would_have_to_be_compiled_for_another_python_is_refused(shelf: Path, tmp_path: Path) -> None:
    other = "3.13" if HERE != "3.13" else "3.11"
    done = gather(tmp_path / "out", "--python", other, PIP_FIND_LINKS=str(shelf))
    assert done.returncode == 1 and re.search("fairseq-fixed==.* can neither be downloaded nor built", done.stderr)
    done = gather(tmp_path / "out", "--python", "3.12", PIP_FIND_LINKS=str(shelf))
    assert done.returncode == 0, done.stderr
    assert re.search("fairseq_fixed-.*-cp312", done.stdout)
    if HERE != "3.12":
        words = [sys.executable, str(tmp_path / "out" / "install.py"), str(tmp_path / "machine")]
        refused = subprocess.run(words, capture_output=True, text=True)
        assert refused.returncode == 1 and f"the bundle is for Python 3.12, and this is {HERE}" in refused.stderr


def test_what_this_python_compiles_serves_its_own_version_alone(tmp_path: Path) -> None:
    def pip(words: list[str], more: object = None) -> subprocess.CompletedProcess[str]:
        if words[0] == "wheel":
            make_wheel(
                tmp_path, "compiled", "1", tag=f"cp{HERE.replace('.', '')}-cp{HERE.replace('.', '')}-linux_x86_64"
            )
        return subprocess.CompletedProcess(words, words[0] == "download", "", "no wheel")

    for python in (HERE, "3.99"):
        for old in tmp_path.iterdir():
            old.unlink()
        gathering = bundle.Gathering(tmp_path, python, 28, {})
        gathering._pip = pip  # type: ignore[method-assign]
        wanted = wheels.Requirement("compiled")
        if python == HERE:
            assert gathering._fetch(wanted).version == "1"
            continue
        with pytest.raises(SystemExit, match=r"compiled has no wheel for Python 3\.99.*run this with Python 3\.99"):
            gathering._fetch(wanted)
