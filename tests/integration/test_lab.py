"""The lab's commands on drawn pictures: what they print, write and refuse."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from hornet.cli import app
from hornet.dataset import load_dataset, write_manifest
from hornet.dataset.drawings import write_dataset
from hornet.errors import SplitLeakage

pytestmark = pytest.mark.slow

FAST = ["--weights", "none", "--size", "32x32", "--threads", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a manifest of 48 drawn pictures in groups of two, with splits."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder / "data", 24, seed=3, size=(64, 48))
    dataset = load_dataset(folder / "data")
    splits = [("train", "train", "validation", "test")[i // 2 % 4] for i in range(len(dataset))]
    write_manifest(dataset.with_splits(splits), folder / "manifest.csv")
    return folder / "manifest.csv"


def _lab(*arguments):
    return CliRunner().invoke(app, ["lab", *map(str, arguments)], catch_exceptions=False)


def _is_a_plot(file):
    """A picture that isn't of one colour."""
    return np.asarray(Image.open(file).convert("L")).std() > 5


def test_rivals_writes_table_json_and_plot(drawn, tmp_path):
    """Six rivals, each with a figure, its interval, and what an answer costs."""
    result = _lab("rivals", drawn, *FAST, "--out", tmp_path / "out", "--json", tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    with (tmp_path / "out" / "rivals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert 0 == result.exit_code
    assert "RBF SVM" in result.stdout
    assert document == json.loads((tmp_path / "out" / "rivals.json").read_text(encoding="utf-8"))
    assert [rival["name"] for rival in document["rivals"]] == [row["name"] for row in rows]
    assert 6 == len(rows)
    assert all(
        float(row["roc_auc_low"]) <= float(row["roc_auc"]) <= float(row["roc_auc_high"]) for row in rows
    )
    assert {12} == {rival["quality"]["n"] for rival in document["rivals"]}
    assert _is_a_plot(tmp_path / "out" / "rivals.png")


def test_rivals_split_as_train_does(drawn, tmp_path):
    """Without splits, groups are derived and dealt; none is in two splits."""
    from hornet.dataset import check_splits
    from hornet.training.config import TrainConfig
    from hornet.training.frozen import frozen_features

    folder = drawn.parent / "data"
    config = TrainConfig(data=folder, size=(32, 32), weights="none", threads=1, device="cpu")
    frozen = frozen_features(
        load_dataset(folder), config, tmp_path, report=lambda _: None, live=lambda _: None
    )

    assert (48, 512) == frozen.features.shape
    assert {"train", "validation", "test"} == set(frozen.dataset.splits())
    check_splits(frozen.dataset)
    sets = [set(frozen.of(split).groups) for split in ("train", "validation", "test")]
    assert set() == sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2]


@pytest.fixture(scope="module")
def run(drawn, tmp_path_factory):
    """Return a run on the drawn pictures, which knows nothing yet."""
    from hornet.training.config import TrainConfig
    from hornet.training.run import train_run

    config = TrainConfig(
        data=drawn, weights="none", size=(32, 32), epochs=1, batch=8, threads=1, workers=0, augment="none"
    )
    out = tmp_path_factory.mktemp("runs") / "run"
    train_run(config, load_dataset(drawn), out)
    return out


def test_a_run_joins_the_rivals_unless_it_has_seen_their_test(drawn, run, tmp_path):
    """Its line comes from its own rule for pixels, temperature and threshold; leakage is refused."""
    calibration = json.loads((run / "calibration.json").read_text(encoding="utf-8"))
    result = _lab("rivals", run / "manifest.csv", *FAST, "--run", run, "--json", "-")
    line = json.loads(result.stdout)["rivals"][0]
    swapped = load_dataset(drawn)
    swap = {"train": "test", "test": "train", "validation": "validation"}
    write_manifest(swapped.with_splits([swap[s] for s in swapped.splits()]), tmp_path / "swapped.csv")

    assert "fine-tuned network" == line["name"]
    for name, figure in calibration["test"]["metrics"].items():
        assert figure["value"] == pytest.approx(line["quality"]["metrics"][name]["value"], abs=1e-4)
    with pytest.raises(SplitLeakage, match="trained on"):
        _lab("rivals", tmp_path / "swapped.csv", *FAST, "--run", run)


def test_a_model_file_joins_the_rivals(drawn, make_artifact, tmp_path):
    """Without its run nobody can tell what it has seen, and that is said."""
    model = make_artifact(tmp_path / "tiny.onnx")
    result = _lab("rivals", drawn, *FAST, "--model", model, "--json", "-")

    assert "nobody can tell" in result.stderr
    assert "tiny.onnx" == json.loads(result.stdout)["rivals"][0]["settings"]


@pytest.mark.parametrize("method", ["fgsm", "pgd", "patch"])
def test_attack_writes_table_json_plot_and_examples(run, tmp_path, method):
    """Strength 0 reproduces the run's own test figures; the pictures are there to be looked at."""
    calibration = json.loads((run / "calibration.json").read_text(encoding="utf-8"))
    out = tmp_path / "out"
    flags = ["--attack", method, "--epsilon", "0", "--epsilon", "16", "--steps", "2", "--examples", "3"]
    result = _lab("attack", run, *flags, "--threads", "1", "--device", "cpu", "--out", out, "--json", "-")
    document = json.loads(result.stdout)
    nothing, strong = document["attacked"]

    assert document == json.loads((out / "attack.json").read_text(encoding="utf-8"))
    assert document["clean"] == nothing["quality"]
    assert 0 == nothing["accuracy_lost"]["value"]
    for name, figure in calibration["test"]["metrics"].items():
        assert figure["value"] == pytest.approx(document["clean"]["metrics"][name]["value"], abs=1e-4)
    assert (
        strong["quality"]["metrics"]["roc_auc"]["value"] <= nothing["quality"]["metrics"]["roc_auc"]["value"]
    )
    assert _is_a_plot(out / "attack.png")
    assert _is_a_plot(out / "examples.png")
    assert 3 == len((out / "attack.csv").read_text(encoding="utf-8").splitlines())


def test_attack_refuses_what_the_run_has_seen_and_limits_the_rest(drawn, run):
    """A split that was learned from would flatter it; a limit takes both classes."""
    with pytest.raises(SplitLeakage, match="trained on"):
        _lab("attack", run, drawn.parent / "data", "--threads", "1")
    result = _lab("attack", run, drawn, "--epsilon", "1", "--steps", "1", "--limit", "6", "--threads", "1")

    assert "Split test: 6 pictures, 3 with a hornet" in result.stdout


def test_learning_curve_writes_table_json_and_plot(drawn, tmp_path):
    """Both capacities at every size, and a conclusion in words."""
    out = tmp_path / "out"
    result = _lab("learning-curve", drawn, *FAST, "--sizes", "2", "--draws", "2", "--out", out)
    document = json.loads((out / "learning.json").read_text(encoding="utf-8"))

    assert "More pictures would help: " in result.stdout
    assert [12, 24] == document["sizes"]
    assert ["logistic regression", "RBF SVM"] == [curve["name"] for curve in document["curves"]]
    assert set(document["verdicts"].values()) <= {"yes", "no", "can't tell"}
    assert 5 == len((out / "learning.csv").read_text(encoding="utf-8").splitlines())
    assert _is_a_plot(out / "learning.png")


def test_learning_curve_takes_the_network_in(drawn, tmp_path):
    """It is trained on every subset, with the file's settings, and has its curve, its verdict and its sentence."""
    settings = tmp_path / "quick.toml"
    settings.write_text(
        'weights = "none"\nsize = [32, 32]\nepochs = 1\nbatch = 8\nworkers = 0\naugment = "none"\ntest = 0.2\n',
        encoding="utf-8",
    )
    flags = ["--config", settings, "--threads", "1", "--device", "cpu", "--sizes", "2", "--draws", "2"]
    out = tmp_path / "out"
    result = _lab("learning-curve", drawn, *flags, "--fine-tune", "--out", out)
    document = json.loads((out / "learning.json").read_text(encoding="utf-8"))
    curve = document["curves"][2]

    assert "fine-tuned network" == curve["name"]
    assert [12, 24] == document["sizes"]
    assert all(0 <= one["low"] <= one["value"] <= one["high"] <= 1 for one in curve["held_out"])
    assert document["verdicts"]["fine_tuning"] in {"yes", "no", "can't tell"}
    best = max(one["held_out"][-1]["value"] for one in document["curves"][:2])
    assert curve["held_out"][-1]["value"] - best == pytest.approx(document["tuning"]["value"])
    assert f"Fine-tuning helps: {document['verdicts']['fine_tuning']}." in result.stdout
    assert 7 == len((out / "learning.csv").read_text(encoding="utf-8").splitlines())
    assert _is_a_plot(out / "learning.png")


def test_the_network_learns_from_its_subset_alone_and_is_measured_in_its_order(drawn, tmp_path):
    """A subset's run holds its pictures and all of validation; scores are those of places and of the test split."""
    from hornet.training.config import TrainConfig
    from hornet.training.curve import network_learner
    from hornet.training.frozen import frozen_features

    config = TrainConfig(
        data=drawn, weights="none", size=(32, 32), epochs=1, batch=8, threads=1, workers=0, augment="none"
    )
    frozen = frozen_features(
        load_dataset(drawn), config, tmp_path, report=lambda _: None, live=lambda _: None
    )
    learn = network_learner(frozen, config, tmp_path, live=lambda _: None)
    places = np.array([3, 0, 1, 2, 14, 15, 12, 13, 20, 21])
    scores, held_out = learn(places, 0)
    again, _ = learn(places[::-1].copy(), 0)

    assert (10,) == scores.shape
    assert (12,) == held_out.shape
    np.testing.assert_array_equal(scores[::-1], again)
    assert not list(tmp_path.glob("tmp*"))


def test_schedules_trains_with_every_one_that_there_is(drawn, run, tmp_path):
    """Each name of the setting has its run, its own rates, and the same first weights."""
    from hornet.training.schedules import SCHEDULES

    weights = tmp_path / "trunk.safetensors"
    state = load_file(run / "weights.safetensors")
    save_file({name: tensor for name, tensor in state.items() if not name.startswith("fc.")}, weights)
    out = tmp_path / "out"
    flags = [
        "--weights",
        weights,
        "--size",
        "32x32",
        "--threads",
        "1",
        "--device",
        "cpu",
        "--head-epochs",
        "4",
    ]
    result = _lab("schedules", drawn, *flags, "--batch", "8", "--out", out, "--json", tmp_path / "s.json")
    document = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    rates = {one["schedule"]: [row["lr"] for row in one["epochs"]] for one in document["schedules"]}

    assert list(SCHEDULES) == list(rates)
    assert {"constant", "step", "cosine", "cyclic", "plateau"} <= set(rates)
    assert [1e-3] * 4 == rates["constant"]
    assert rates["step"][-1] < rates["step"][0]
    assert rates["cosine"][0] > rates["cosine"][2] > rates["cosine"][3]
    assert "Lowest validation loss: " in result.stdout
    assert all((out / name / "config.toml").is_file() for name in SCHEDULES)
    assert _is_a_plot(out / "schedules.png")


def test_schedules_conclude_only_what_the_intervals_allow():
    """Overlapping intervals can't tell them apart; separate ones can; without a test split nothing is said."""
    from hornet.training.schedules import ScheduleRun, conclude

    def one(name, loss, low, high):
        return ScheduleRun(name, (), loss, {"metrics": {"roc_auc": {"value": low, "low": low, "high": high}}})

    alike = [one("cosine", 0.3, 0.8, 0.9), one("step", 0.2, 0.85, 0.95)]
    apart = [one("cosine", 0.3, 0.6, 0.7), one("step", 0.2, 0.85, 0.95)]

    assert "Lowest validation loss: step, 0.2000." in conclude(alike)
    assert "can't tell" in conclude(alike)
    assert "differ" in conclude(apart)
    assert "no test split" in conclude([ScheduleRun("cosine", (), 0.3, None)])


def test_schedules_that_came_out_the_same_are_named():
    """A plateau that never lowered the rate is constant, and must not pass for a second witness."""
    from hornet.training.schedules import ScheduleRun, conclude

    rates = {"constant": (1e-3, 1e-3), "cosine": (1e-3, 1e-4), "plateau": (1e-3, 1e-3)}
    runs = [ScheduleRun(name, tuple({"lr": lr} for lr in its), 0.3, None) for name, its in rates.items()]

    assert conclude(runs).startswith("constant and plateau had the same rates after every epoch. Lowest")
    assert "same rates" not in conclude(runs[:2])
