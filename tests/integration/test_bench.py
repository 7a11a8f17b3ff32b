"""`hornet train --overfit-batch`, `--lr-find` and `--fast-dev` from their arguments to their exit codes."""

import csv
import sys

import numpy as np
import pytest
from PIL import Image

from hornet.dataset.drawings import write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture
def train(monkeypatch, capsys, tmp_path):
    """Return a function that runs ``hornet train`` on 48 drawn pictures; exit code, stdout and stderr."""
    from hornet.cli import main

    write_dataset(tmp_path / "data", 24, size=(80, 60))

    def run(*arguments):
        small = ["--weights", "none", "--size", "32", "--batch", "8", "--threads", "1", "--workers", "0"]
        monkeypatch.setattr(
            sys, "argv", ["hornet", "train", str(tmp_path / "data"), *small, *map(str, arguments)]
        )
        with pytest.raises(SystemExit) as exit_:
            main()
        return (exit_.value.code or 0, *capsys.readouterr())

    return run


def test_overfitting_a_batch_says_that_all_is_well_or_what_is_broken(train):
    """Without a run folder; exit code 0 or 1."""
    good = train("--overfit-batch", "--lr", "1e-3")
    bad = train("--overfit-batch", "--lr", "1e-12")

    assert (0, True) == (good[0], "learned 8 pictures by heart" in good[1])
    assert (1, "") == bad[:2]
    assert "hornet: one batch wasn't learned by heart" in bad[2]


def test_the_range_test_writes_a_curve_and_a_plot_and_prints_its_suggestion(train, tmp_path):
    """And nothing that looks like a run."""
    code, out, err = train("--lr-find", "--out", tmp_path / "lr", "--augment", "none")
    with (tmp_path / "lr" / "lr-find.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    picture = np.asarray(Image.open(tmp_path / "lr" / "lr-find.png"))

    assert 0 == code, err
    assert out.startswith("suggestion: --lr ")
    assert {"lr-find.csv", "lr-find.png"} == {entry.name for entry in (tmp_path / "lr").iterdir()}
    rates = [float(row["lr"]) for row in rows]
    assert rates == sorted(rates)
    assert all(float(row["loss"]) >= 0 for row in rows)
    assert picture.std() > 10


def test_fast_dev_goes_through_everything_once_and_says_that_it_means_nothing(train, tmp_path):
    """With the exported files in the run folder, if there is one."""
    code, out, err = train("--fast-dev", "--out", tmp_path / "run", "--epochs", "20")

    assert 0 == code, err
    assert "its figures mean nothing" in err
    assert "both phases, calibration and export ran through" in out
    assert (tmp_path / "run" / "hornet-int8.onnx").is_file()
    assert len((tmp_path / "run" / "metrics.csv").read_text("utf-8").splitlines()) == 2


def test_one_of_them_at_a_time(train):
    """Usage errors are exit code 2."""
    assert 2 == train("--overfit-batch", "--lr-find")[0]
    assert 2 == train("--lr-find")[0]
