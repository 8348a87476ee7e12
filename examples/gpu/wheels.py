"""Find what distributions need, by their metadata: read from wheels and from what is installed."""

from __future__ import annotations

import importlib.metadata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import Optional

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

# Of torch's family nothing is ever brought or replaced: it belongs to the machine's driver.
TORCH = ("torch", "torchaudio")
# fairseq declares it for speech alone.
DISPENSABLE = ("torchaudio",)


@dataclass(frozen=True)
class Distribution:
    """A distribution: canonical name, version, and the lines of Requires-Dist."""

    name: str
    version: str
    requires: tuple[str, ...]

    def needs(self, python: str, extras: Iterable[str] = ()) -> list[Requirement]:
        """Return what it needs on Python X.Y on Linux, with these of its extras."""
        found = [Requirement(line) for line in self.requires]
        return [one for one in found if holds(one, python, extras)]


def holds(requirement: Requirement, python: str, extras: Iterable[str] = ()) -> bool:
    """Say whether the marker of a requirement holds on Python X.Y on Linux, with one of these extras."""
    if requirement.marker is None:
        return True
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return any(requirement.marker.evaluate({**here, "extra": extra}) for extra in ("", *extras))


def named(name: str) -> str:
    """Return the canonical form of a name."""
    return str(canonicalize_name(name))


def in_wheel(path: Path) -> Distribution:
    """Read the metadata of a wheel."""
    with zipfile.ZipFile(path) as archive:
        (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(file).decode("utf-8"))
    return Distribution(named(fields["Name"]), fields["Version"], tuple(fields.get_all("Requires-Dist", [])))


def installed_in(folders: Iterable[Path]) -> dict[str, Distribution]:
    """Return the distributions in folders of packages by name, as Python finds them: the first one of a name."""
    found: dict[str, Distribution] = {}
    for one in importlib.metadata.distributions(path=[str(folder) for folder in folders]):
        if one.metadata["Name"]:
            name = named(one.metadata["Name"])
            found.setdefault(name, Distribution(name, one.version, tuple(one.requires or ())))
    return found


def satisfied(requirement: Requirement, there: Mapping[str, Distribution]) -> bool:
    """Say whether what a requirement asks for is there."""
    found = there.get(named(requirement.name))
    return found is not None and requirement.specifier.contains(found.version, prereleases=True)


def unsatisfied(
    roots: Iterable[str], there: Mapping[str, Distribution], python: str
) -> list[tuple[Requirement, Optional[str]]]:
    """Return what the roots need, and what that needs, and is not there: (requirement, name of what needs it)."""
    missing: list[tuple[Requirement, Optional[str]]] = []
    queue: list[tuple[Requirement, Optional[str]]] = [(Requirement(root), None) for root in roots]
    seen = set()
    while queue:
        requirement, needed_by = queue.pop(0)
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        if not satisfied(requirement, there):
            missing.append((requirement, needed_by))
        elif named(requirement.name) not in TORCH:
            found = there[named(requirement.name)]
            queue += [(one, found.name) for one in found.needs(python, requirement.extras)]
    return missing
