#!/usr/bin/env bash
# Set everything up in .venv and run lint, types and all tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/environment.sh
ruff check .
ruff format --check .
mypy
pytest -q "$@"
