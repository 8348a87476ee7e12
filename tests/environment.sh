#!/usr/bin/env bash
# Make (or reuse) a virtual environment with the package and its test tools:  environment.sh VENV
# Building fairseq takes about 3 minutes on 2 cores; CUDA_HOME would break that build.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:?usage: environment.sh VENV}
want=$(cat "$here/constraints.txt" "$here/setup.py" | cksum)
if [ "$(cat "$venv/.made-from" 2>/dev/null)" != "$want" ]; then
    echo "setting up $venv: building fairseq takes some minutes"
    python3 -m venv "$venv"
    env -u CUDA_HOME PIP_CONSTRAINT="$here/constraints.txt" PIP_BUILD_CONSTRAINT="$here/constraints.txt" \
        "$venv/bin/pip" install --disable-pip-version-check "$here[test]"
    echo "$want" > "$venv/.made-from"
fi
"$venv/bin/pip" install --disable-pip-version-check --quiet --no-deps --force-reinstall "$here"
