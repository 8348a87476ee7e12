#!/usr/bin/env bash
# Set everything up in .venv and run lint, types and all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/environment.sh .venv
. .venv/bin/activate
ruff check .
ruff format --check .
mypy
pytest -q "$@"
