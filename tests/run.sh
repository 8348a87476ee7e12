#!/usr/bin/env bash
# Set everything up in .venv and run lint, types and all tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/environment.sh
ruff check .
ruff format --check .
mypy
# A process of one thread for each core, four at most. The tests of a file stay together, for they share what they train.
OMP_NUM_THREADS=1 pytest -q --numprocesses logical --maxprocesses 4 --dist loadfile "$@"
