"""Members of an archive, one after the other.

python unzip.py ARCHIVE PATTERN    writes the members whose names fit the pattern, in the order of their names
"""

from __future__ import annotations

import fnmatch
import shutil
import sys
import zipfile


def main(archive_name: str, pattern: str) -> None:
    """Write the members of the archive to standard output."""
    with zipfile.ZipFile(archive_name) as archive:
        names = sorted(fnmatch.filter(archive.namelist(), pattern))
        if not names:
            sys.exit(f"unzip.py: {archive_name} holds no {pattern}, but {archive.namelist()[:9]}")
        for name in names:
            with archive.open(name) as member:
                shutil.copyfileobj(member, sys.stdout.buffer)


if __name__ == "__main__":
    main(*sys.argv[1:])
