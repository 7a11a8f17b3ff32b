"""Predicting in an environment that holds what the base install brings, and nothing else.

The environment is made without a network: the installed packages that the base install requires,
and those that they require, are linked into a new virtual environment.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

ROOT = Path(__file__).parents[2]
TRAINING = (
    "torch",
    "torchvision",
    "albumentations",
    "onnx",
    "onnxscript",
    "sklearn",
    "scipy",
    "safetensors",
    "tomli_w",
)
SERVING = ("fastapi", "starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")


def _base_install() -> set[str]:
    """Return the names of the distributions that the base install brings, itself left out."""
    found: set[str] = set()
    waiting = ["hornet-detector"]
    while waiting:
        for text in importlib.metadata.requires(waiting.pop()) or []:
            requirement = Requirement(text)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and requirement.name not in found:
                found.add(requirement.name)
                waiting.append(requirement.name)
    return found


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows lets few users link
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Return the interpreter of an environment without the training libraries."""
    home = tmp_path_factory.mktemp("runtime")
    venv.create(home, with_pip=False)
    packages = next(home.rglob("site-packages"))
    for name in _base_install():
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            if not (packages / top).exists():
                _link(Path(str(distribution.locate_file(top))), packages / top)
    (packages / "checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Return a folder of one red and one blue picture: the tiny model's hornet and none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (64, 48), (250, 10, 10)).save(folder / "red.png")
    Image.new("RGB", (64, 48), (10, 10, 250)).save(folder / "blue.jpg")
    return folder


@pytest.fixture
def run(python, tiny_model, tmp_path):
    """Return a function that runs the environment's Python in a folder and home of its own."""
    home, folder = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    folder.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ORT_", "COV"))
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "HORNET_MODEL": str(tiny_model)}

    def run_python(*arguments):
        return subprocess.run(
            [python, *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run_python


def test_environment_has_no_extra(run):
    """None of the packages that only the extras for training and serving bring can be imported there."""
    done = run(
        "-c", f"from importlib.util import find_spec as f; print([n for n in {TRAINING + SERVING} if f(n)])"
    )

    assert (0, "[]\n") == (done.returncode, done.stdout), done.stderr


def test_command_predicts(run, pictures):
    """The command gives every picture its verdict without the training libraries."""
    done = run("-m", "hornet", "predict", pictures, "--format", "csv")
    rows = {Path(row["path"]).name: row["label"] for row in csv.DictReader(io.StringIO(done.stdout))}

    assert 0 == done.returncode, done.stderr
    assert {"blue.jpg": "absent", "red.png": "present"} == rows


def test_python_predicts_with_few_imports(run, pictures):
    """load().predict() works there, and loads neither pydantic nor rich."""
    done = run(
        "-c",
        "import json, sys; from hornet import load; label = load().predict(sys.argv[1]).label;"
        "print(json.dumps([label, sorted({'pydantic', 'rich', 'typer'} & set(sys.modules))]))",
        pictures / "red.png",
    )

    assert 0 == done.returncode, done.stderr
    assert ["present", []] == json.loads(done.stdout)


def test_predicting_leaves_the_home_folder_alone(run, pictures, tmp_path):
    """Predicting writes nothing into the home folder: no device number, no cache, no registry."""
    done = run("-m", "hornet", "predict", pictures)

    assert 0 == done.returncode, done.stderr
    assert [] == list((tmp_path / "home").iterdir())


def test_training_names_its_extra(run, pictures, tmp_path):
    """A command whose libraries are missing fails with the install command that mends it."""
    done = run("-m", "hornet", "train", pictures, "--out", tmp_path / "run")

    assert 1 == done.returncode
    assert "pip install 'hornet-detector[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_watching_and_videos_name_their_extras(run, pictures):
    """So do a watch and a video that is named; a folder's videos are files of another kind."""
    (pictures / "clip.mp4").write_bytes(b"a clip")
    watch = run("-m", "hornet", "watch", pictures, "--state", pictures.parent / "state")
    named = run("-m", "hornet", "predict", pictures / "clip.mp4")
    folder = run("-m", "hornet", "predict", pictures)

    assert (1, 3, 0) == (watch.returncode, named.returncode, folder.returncode)
    assert "pip install 'hornet-detector[watch]'" in watch.stderr
    assert "pip install 'hornet-detector[video]'" in named.stdout
    assert "1 file of another kind skipped" in folder.stderr
    assert "Traceback" not in watch.stderr + named.stderr


def test_serving_names_its_extra(run):
    """So does the server."""
    done = run("-m", "hornet", "serve", "--port", "0")

    assert 1 == done.returncode
    assert "pip install 'hornet-detector[serve]'" in done.stderr
    assert "Traceback" not in done.stderr
