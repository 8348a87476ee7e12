# Make (or reuse) the virtual environment .venv of this checkout, with the package and its test tools, and put it in front
# of PATH. To be sourced by bash: . examples/environment.sh
#
# It is made from setup.py and constraints.txt, and again when one of them changes. The package is installed again when a
# file of it has changed, from what the environment holds; else nothing is written and no network is needed. PYTHON may
# name another interpreter and VENV another folder; VENV=active takes the environment that is active, as it is.
#
# OpenMP's threads wait for each other at the end of each product, by default in a long loop: beside one other busy process
# the quickstart then makes 0.2 updates a second on two cores instead of 8. GOMP_SPINCOUNT=1000 has them sleep soon, which makes
# 4 beside two, and as many as before without (docs/SPEED.md); a GOMP_SPINCOUNT or OMP_WAIT_POLICY that is set is left as it is.
[ -n "${BASH_VERSION:-}" ] || { echo "environment.sh is for bash: start bash, and source it there" >&2; return 1; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-$root/.venv}
[ -n "${OMP_WAIT_POLICY:-}" ] || export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000}

install_dependencies() {
    echo "setting up $VENV; building fairseq takes 3 to 5 minutes on 2 cores, once" >&2
    "${PYTHON:-python3}" -m venv "$VENV"
    # Old pip reads the first constraint for builds too, new pip the second. With CUDA_HOME fairseq does not build.
    # It splits them at spaces, which an address has not. setuptools, of a version that needs no wheel beside it, is for
    # install_package.
    local constraints=file://${root// /%20}/constraints.txt
    env -u CUDA_HOME PIP_CONSTRAINT="$constraints" PIP_BUILD_CONSTRAINT="$constraints" \
        "$VENV/bin/pip" install --disable-pip-version-check --progress-bar off "$root[test]" 'setuptools>=70.1' >&2
}

install_package() {
    rm -rf "$root/build" # an old one would bring back files that are gone
    # New pip refuses constraints for builds where nothing is fetched for the build.
    env -u PIP_CONSTRAINT -u PIP_BUILD_CONSTRAINT "$VENV/bin/pip" install --disable-pip-version-check --quiet \
        --no-index --no-build-isolation --no-deps --force-reinstall "$root" >&2
}

# once FILE CHECKSUM COMMAND: run the command unless the file holds the checksum already; of several runs, one does it.
once() {
    [ "$(cat "$1" 2> /dev/null)" != "$2" ] || return 0
    mkdir -p "$VENV"
    (
        set -e
        flock -n 9 || { echo "waiting for another run, which sets up $VENV" >&2 && flock 9; }
        [ "$(cat "$1" 2> /dev/null)" != "$2" ] || exit 0
        "$3"
        echo "$2" > "$1"
    ) 9>> "$VENV/.lock"
}

if [ "$VENV" != active ]; then
    once "$VENV/.made-from" "$(cat "$root/constraints.txt" "$root/setup.py" | cksum)" install_dependencies
    package=$(cd "$root" && find fairseq_cmlm setup.py pyproject.toml -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z |
        xargs -0 cksum | cksum)
    once "$VENV/.package" "$package" install_package
    export PATH=$VENV/bin:$PATH
fi
