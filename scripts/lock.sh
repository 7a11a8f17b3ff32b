#!/usr/bin/env bash
# Write requirements/serve.txt and build.txt anew: the versions of everything in the image that serves,
# and of what builds it, with the hashes of their files. Run it after changing a dependency in
# pyproject.toml, and now and then for security fixes; then make image-test.
#
#   scripts/lock.sh            keeps every version that still fits
#   scripts/lock.sh --upgrade  takes the newest ones
#
#   PYTHON   the interpreter, of the version of the images' base (default: python3.11)
#
# Then it fetches every wheel of serve.txt and build.txt for Linux on x86_64 and on aarch64, by these
# hashes: a package that has no wheel for one of them ends it with an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=${PYTHON:-python3.11}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$PYTHON" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet 'pip-tools>=7.4,<8'

# Local wheels would add hashes that nobody else's files have.
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL

compile() {
    printf 'resolving %s\n' "$*"
    "$scratch/venv/bin/pip-compile" --quiet --no-header --strip-extras --allow-unsafe --generate-hashes \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@"
}

# Fetch every wheel of a list for one processor, by its hash.
fetch() {
    printf 'wheels of %s for %s\n' "$1" "$2"
    "$scratch/venv/bin/pip" download --quiet --no-deps --require-hashes --only-binary :all: \
        --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
        --platform "manylinux_2_28_$2" --platform "manylinux_2_27_$2" --platform "manylinux_2_17_$2" \
        --platform "manylinux2014_$2" --platform "linux_$2" \
        --requirement "$1" --dest "$scratch/$2"
}

compile "$@" --extra serve --output-file requirements/serve.txt pyproject.toml
compile "$@" --only-build-deps --build-deps-for wheel --output-file requirements/build.txt pyproject.toml
for processor in x86_64 aarch64; do
    fetch requirements/serve.txt "$processor"
    fetch requirements/build.txt "$processor"
done
