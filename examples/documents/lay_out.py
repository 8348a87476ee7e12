"""Documents in files named by their languages become those that `fairseq-cmlm format documents` reads.

python lay_out.py FOLDER OUTPUT --languages SOURCE TARGET    {train,valid,test}.{SOURCE,TARGET,doc} of FOLDER become
                                                             {train,valid,test}.{source,target,doc} in OUTPUT
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path


def main() -> None:
    """Copy the splits that there are, train and valid at least."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--languages", nargs=2, required=True)
    parser.add_argument("--seed", help="nothing is drawn")
    options = parser.parse_args()
    endings = dict(zip((*options.languages, "doc"), ("source", "target", "doc")))
    options.output.mkdir(parents=True, exist_ok=True)
    for split in ("train", "valid", "test"):
        files = {
            options.folder / f"{split}.{one}": options.output / f"{split}.{other}" for one, other in endings.items()
        }
        if split == "test" and not any(file.is_file() for file in files):
            continue
        for file, copy in files.items():
            if not file.is_file():
                sys.exit(f"lay_out.py: {file} is missing: a split has {', '.join(endings)}")
            shutil.copyfile(file, copy)


if __name__ == "__main__":
    main()
