#!/usr/bin/env bash
# Install what a user installs, the wheel without extras, into a new environment, and predict there
# from another folder: the training libraries must not be needed, nor the checkout.
#
#   PYTHON   the interpreter that the new environment is made with (default: python3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ROOT=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Neither a model of the user's nor a home folder may help, and none may be touched.
unset HORNET_MODEL PYTHONPATH
export HORNET_REGISTRY=$scratch/registry PYTHONSAFEPATH=1

"${PYTHON:-python3}" -m venv "$scratch/venv"
export PATH=$scratch/venv/bin:$PATH
pip wheel --quiet --no-deps --wheel-dir "$scratch/wheel" "$ROOT"
pip install --quiet "$scratch"/wheel/*.whl
cd "$scratch"

python - "$scratch"/wheel/*.whl <<'PYTHON'
"""The wheel holds the package and the model, and no training library came with it."""
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

wheel = Path(sys.argv[1])
names = zipfile.ZipFile(wheel).namelist()
strangers = [name for name in names if not name.startswith(("hornet/", "hornet_detector-"))]
if strangers or "hornet/_artifact/hornet-resnet18.onnx" not in names:
    sys.exit(f"{wheel.name}: no model inside, or files that don't belong there: {strangers}")
training = "torch torchvision albumentations onnx onnxscript sklearn safetensors tomli_w".split()
found = [name for name in training if find_spec(name)]
if found:
    sys.exit(f"installed without an extra, yet here: {found}")
print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, no training library")
PYTHON

mkdir home
export HOME=$scratch/home
hornet --version
hornet predict "$ROOT/data/examples"
python -m hornet predict "$ROOT/data/examples" >module.csv
hornet predict "$ROOT/data/examples" --format csv >command.csv
diff command.csv module.csv

python - "$ROOT/data/examples" command.csv <<'PYTHON'
"""The Python interface answers what the command line printed, and neither imports more than needed."""
import csv
import sys

from hornet import load

classifier = load()
with open(sys.argv[2], newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
if not rows:
    sys.exit("predict printed no verdict")
for row in rows:
    prediction = classifier.predict(row["path"])
    if (prediction.label, f"{prediction.probability:.6f}") != (row["label"], row["probability"]):
        sys.exit(f"{row} on the command line, {prediction.label} {prediction.probability:.6f} in Python")
print(f"Python agrees about {len(rows)} pictures")
PYTHON

refuses() { # the command's extra, then its arguments
    if hornet "$@" 2>message.txt; then
        echo "hornet $1 should have failed without its libraries" >&2
        exit 1
    fi
    grep -qF "hornet-detector[$1]" message.txt || {
        echo "hornet $1 should have said which pip install mends it, but said:" >&2
        cat message.txt >&2
        exit 1
    }
}
refuses train "$ROOT/data/examples" --out "$scratch/run"
refuses serve --port 0
if [[ -n $(ls -A "$HOME") ]]; then
    echo "predicting wrote into the home folder: $(find "$HOME" -type f)" >&2
    exit 1
fi
echo "runtime-test: good"
