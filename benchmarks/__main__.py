"""The command: python -m benchmarks NAME ..."""

import importlib
import sys

from benchmarks.command import quiet

BENCHMARKS = (
    *("decoding", "training", "objectives", "growth", "documents"),
    *("quality", "steps", "updates", "variants"),
)


def main() -> None:
    """Run the benchmark that the first argument names with the others."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(f"usage: python -m benchmarks {{{','.join(BENCHMARKS)}}} ... (--help shows the options of each)")
    quiet()  # before fairseq is imported, which logs then
    importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
