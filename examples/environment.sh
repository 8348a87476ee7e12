# Make (or reuse) the virtual environment .venv of this checkout, with the package and its test tools, and put it in front
# of PATH. To be sourced by bash: . examples/environment.sh
#
# It is made from setup.py and constraints.txt, and again when one of them changes. PYTHON may name another interpreter
# and VENV another folder; VENV=active takes the environment that is active, as it is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-$root/.venv}
if [ "$VENV" != active ]; then
    made_from=$(cat "$root/constraints.txt" "$root/setup.py" | cksum)
    if [ "$(cat "$VENV/.made-from" 2>/dev/null)" != "$made_from" ]; then
        echo "setting up $VENV; building fairseq takes 3 to 5 minutes on 2 cores, once" >&2
        "${PYTHON:-python3}" -m venv "$VENV"
        # Old pip reads the first constraint for builds too, new pip the second. With CUDA_HOME fairseq does not build.
        env -u CUDA_HOME PIP_CONSTRAINT="$root/constraints.txt" PIP_BUILD_CONSTRAINT="$root/constraints.txt" \
            "$VENV/bin/pip" install --disable-pip-version-check --progress-bar off "$root[test]" >&2
        echo "$made_from" > "$VENV/.made-from"
    fi
    # The package itself is small and may have changed. An old build folder would bring back files that are gone.
    rm -rf "$root/build"
    "$VENV/bin/pip" install --disable-pip-version-check --quiet --no-deps --force-reinstall "$root" >&2
    export PATH=$VENV/bin:$PATH
fi
