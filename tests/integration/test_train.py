"""Whole runs on drawn pictures: what they leave, that they can be repeated, stopped and resumed."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError, DatasetError, EmptyClass, HornetError
from hornet.images import pixels
from hornet.training.config import TrainConfig, load_config
from hornet.training.network import HornetNet, normalise
from hornet.training.run import resume_run, train_run

pytestmark = pytest.mark.slow

_TIMES = {"pictures_per_s", "seconds"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of 32 drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, 16, size=(80, 60))
    return folder


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    """Return a file of starting weights without layer4's 3 x 3 convolutions and without a head."""
    torch.manual_seed(11)
    state = HornetNet().state_dict()
    kept = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
        if not name.startswith("fc.") and not (name.startswith("layer4.") and "downsample" not in name)
    }
    file = tmp_path_factory.mktemp("weights") / "partial.safetensors"
    save_file(kept, file)
    return file


@pytest.fixture(scope="module")
def settings(data, partial):
    """Return a function that makes a small configuration."""

    def make(**given):
        small = {
            "data": data,
            "weights": str(partial),
            "size": (32, 48),
            "batch": 6,
            "head_epochs": 2,
            "epochs": 2,
            "threads": 1,
            "workers": 0,
            "masks": ((0.0, 0.0, 0.2, 0.1),),
        }
        return TrainConfig(**{**small, **given})

    return make


@pytest.fixture(scope="module")
def finished(settings, data, tmp_path_factory):
    """Return the folder of an uninterrupted run, and what it reported."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    lines: list[str] = []
    train_run(settings(), load_dataset(data), out, report=lines.append)
    return out, lines


def _metrics(out):
    with (out / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k not in _TIMES} for row in csv.DictReader(file)]


def _same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


class _Stopper:
    """Raises when the progress line says so for the n-th time."""

    def __init__(self, phase, times, error=RuntimeError):
        self.phase, self.times, self.error = phase, times, error

    def __call__(self, text):
        if text.startswith(self.phase) and ": step" in text:
            self.times -= 1
            if self.times == 0:
                raise self.error("stopped by the test")


def test_a_run_folder_holds_everything_that_export_needs(finished, settings, data):
    """Configuration, manifest, audit, metrics, checkpoint, weights, calibration and predictions; no caches."""
    out, _ = finished
    calibration = json.loads((out / "calibration.json").read_text(encoding="utf-8"))
    manifest = load_dataset(out / "manifest.csv")

    assert {
        "config.toml",
        "manifest.csv",
        "metrics.csv",
        "checkpoint",
        "weights.safetensors",
        "calibration.json",
        "predictions.csv",
        "audit.json",
    } == {entry.name for entry in out.iterdir()}
    assert settings() == load_config(out / "config.toml")
    assert {"train", "validation", "test"} == set(manifest.splits())
    assert [("head", "1"), ("head", "2"), ("full", "1"), ("full", "2")] == [
        (row["phase"], row["epoch"]) for row in _metrics(out)
    ]
    assert calibration["temperature"] > 0
    assert 0 <= calibration["decision_threshold"] <= 1
    assert calibration["validation"]["n"] == len(manifest.subset("validation"))
    assert calibration["best"]["validation_loss"] == pytest.approx(
        min(float(row["validation_loss"]) for row in _metrics(out)), rel=1e-6
    )


def test_the_user_is_told_what_was_taken_split_and_reached(finished):
    """Weights, splits, phases, speed and time left are reported."""
    text = "\n".join(finished[1])

    for words in (
        "took 96 tensors",
        "initialised 26 tensors",
        "train: ",
        "features cached after layer3",
        "pictures/s",
        "left at most",
    ):
        assert words in text


def test_the_weights_are_torchvisions_and_say_what_they_are_for(finished):
    """A plain ResNet-18 of two classes loads them; the metadata has the pixel rule."""
    from torchvision.models import resnet18

    out, _ = finished
    resnet18(num_classes=2).load_state_dict(load_file(out / "weights.safetensors"), strict=True)
    with safe_open(out / "weights.safetensors", "pt") as file:
        about = json.loads(file.metadata()["hornet"])

    assert ([32, 48], "stretch", [[0.0, 0.0, 0.2, 0.1]], "mean", ["absent", "present"]) == (
        about["size"],
        about["resize"],
        about["masks"],
        about["pooling"],
        about["classes"],
    )


def test_the_predictions_are_those_of_the_weights_from_bytes(finished):
    """Loading the weights and reading the files again gives the logits that were written."""
    out, _ = finished
    config = load_config(out / "config.toml")
    network = HornetNet(pooling=config.pooling)
    network.load_state_dict(load_file(out / "weights.safetensors"))
    network.eval()
    by_name = {record.name: record for record in load_dataset(out / "manifest.csv").records}
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with torch.inference_mode():
        for row in rows:
            picture = pixels(by_name[row["path"]].path.read_bytes(), config.pixel_rule)
            logits = network(normalise(torch.from_numpy(picture[None].copy())))[0]

            assert [float(row["logit_absent"]), float(row["logit_present"])] == pytest.approx(
                logits.tolist(), abs=1e-4
            )
    assert {"validation", "test"} == {row["split"] for row in rows}


def test_phase_one_changes_nothing_that_was_loaded(settings, data, partial, tmp_path):
    """Weights and batch statistics of loaded layers stay to the bit; what was drawn is trained."""
    train_run(settings(epochs=0), load_dataset(data), tmp_path / "run")
    loaded, trained = load_file(partial), load_file(tmp_path / "run" / "weights.safetensors")
    torch.manual_seed(0)
    counters = {name for name in trained if name.endswith("num_batches_tracked")}

    assert all(torch.equal(loaded[name].to(trained[name].dtype), trained[name]) for name in loaded)
    new = sorted(set(trained) - set(loaded) - counters)
    assert "fc.weight" in new
    assert trained["fc.bias"].abs().max() > 0
    assert trained["layer4.1.bn2.running_mean"].abs().max() > 0


def test_phase_two_changes_every_layer(finished, partial):
    """The whole network is trained, the stem least."""
    out, _ = finished
    best = json.loads((out / "calibration.json").read_text(encoding="utf-8"))["best"]
    state = torch.load(_payload(out / "checkpoint" / "last.pt"), weights_only=True)["network"]
    loaded = load_file(partial)
    moved = {
        stage: (state[name] - loaded[name].float()).abs().mean().item()
        for stage, name in [("stem", "conv1.weight"), ("layer3", "layer3.1.conv2.weight")]
    }

    assert best["phase"] in {"head", "full"}
    assert 0 < moved["stem"] < moved["layer3"]


def _payload(file):
    import io

    return io.BytesIO(file.read_bytes()[8 + 32 :])


def test_the_same_seed_gives_the_same_weights_with_any_number_of_workers(finished, settings, data, tmp_path):
    """Bit for bit, with the same number of threads; another seed gives others."""
    out, _ = finished
    train_run(settings(workers=1), load_dataset(data), tmp_path / "again")
    train_run(settings(seed=1, epochs=0), load_dataset(data), tmp_path / "other")
    weights = [
        load_file(folder / "weights.safetensors") for folder in (out, tmp_path / "again", tmp_path / "other")
    ]

    assert _same(weights[0], weights[1])
    assert _metrics(out) == _metrics(tmp_path / "again")
    assert not _same(weights[0], weights[2])


@pytest.mark.parametrize("stop", [("head", 6), ("full", 2), ("full", 6)])
def test_a_resumed_run_ends_with_the_same_bits(finished, settings, data, tmp_path, stop):
    """Stopped in the middle of an epoch of either phase, it goes on as if nothing had happened."""
    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stopped by the test"):
        train_run(settings(), load_dataset(data), out, live=_Stopper(*stop))
    resume_run(out)

    assert _same(load_file(finished[0] / "weights.safetensors"), load_file(out / "weights.safetensors"))
    assert _metrics(finished[0]) == _metrics(out)
    assert (finished[0] / "calibration.json").read_bytes() == (out / "calibration.json").read_bytes()


def test_a_run_stopped_before_its_first_checkpoint_begins_anew(settings, data, tmp_path):
    """Its configuration is there from the start."""
    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stopped by the test"):
        train_run(settings(epochs=0), load_dataset(data), out, live=_Stopper("head", 1))
    lines: list[str] = []
    resume_run(out, report=lines.append)

    assert "no checkpoint yet: beginning anew" in lines
    assert (out / "calibration.json").is_file()


def test_resuming_needs_a_run_with_the_same_threads(settings, data, tmp_path):
    """Another number of threads gives other sums, so it is refused."""
    with pytest.raises(ConfigError, match="holds no run to resume"):
        resume_run(tmp_path)
    out = tmp_path / "run"
    train_run(settings(epochs=0, head_epochs=1), load_dataset(data), out)
    file = out / "config.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("threads = 1", "threads = 2"), encoding="utf-8")

    with pytest.raises(ConfigError, match="computed with 1 threads"):
        resume_run(out)


def test_ctrl_c_keeps_what_was_reached(settings, data, tmp_path):
    """Stopped in phase two, the best weights of phase one are calibrated and kept."""
    out = tmp_path / "run"

    result = train_run(settings(), load_dataset(data), out, live=_Stopper("full", 1, KeyboardInterrupt))

    assert result.interrupted
    assert "head" == result.calibration["best"]["phase"]
    assert (out / "weights.safetensors").is_file()


def test_without_weights_there_is_no_phase_one(settings, data, tmp_path):
    """All epochs are of phase two, and it learns: the training loss falls."""
    config = settings(weights="none", epochs=6, patience=6, augment="none", lr=1e-3)
    train_run(config, load_dataset(data), tmp_path / "run")
    rows = _metrics(tmp_path / "run")

    assert ["full"] * 6 == [row["phase"] for row in rows]
    assert float(rows[-1]["train_loss"]) < 0.7 * float(rows[0]["train_loss"])


def test_a_whole_network_starts_in_phase_two(finished, settings, data, tmp_path):
    """Where nothing is new there is nothing for phase one to train; alone, that is an error."""
    whole = str(finished[0] / "weights.safetensors")
    train_run(settings(weights=whole, epochs=1), load_dataset(data), tmp_path / "run")

    assert ["full"] == [row["phase"] for row in _metrics(tmp_path / "run")]
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        train_run(settings(weights=whole, epochs=0), load_dataset(data), tmp_path / "other")


def test_early_stopping_ends_a_phase(settings, data, tmp_path):
    """With a rate that destroys the network, patience runs out long before the epochs."""
    config = settings(head_epochs=0, epochs=30, patience=1, optimizer="sgd", lr=3.0, schedule="constant")
    lines: list[str] = []
    train_run(config, load_dataset(data), tmp_path / "run", report=lines.append)

    assert len(_metrics(tmp_path / "run")) < 30
    assert "full: no lower validation loss for 1 epochs, stopping early" in lines


def test_a_loss_that_is_no_number_stops_the_run(settings, data, tmp_path):
    """The message says where, and what to lower."""
    config = settings(head_epochs=0, epochs=3, optimizer="sgd", lr=1e30, schedule="constant")

    with pytest.raises(HornetError, match=r"loss became .*--lr"):
        train_run(config, load_dataset(data), tmp_path / "run")


@pytest.fixture
def damaged(data, tmp_path):
    """Return a copy of the pictures in which one is cut off."""
    folder = tmp_path / "damaged"
    write_dataset(folder, 16, size=(80, 60))
    victim = load_dataset(folder).records[3]
    victim.path.write_bytes(victim.path.read_bytes()[:300])
    return folder, victim.name


def test_unreadable_pictures_stop_a_run_before_it_trains(settings, damaged, tmp_path):
    """They are named in the message and in a file, and the folder can be used again."""
    folder, name = damaged
    with pytest.raises(DatasetError, match=rf"1 of 32 .*\n  {name}: unreadable: "):
        train_run(settings(data=folder), load_dataset(folder), tmp_path / "run")

    assert name in (tmp_path / "run" / "unreadable.csv").read_text(encoding="utf-8")
    config = settings(data=folder, skip_unreadable=True, epochs=0, head_epochs=1)
    train_run(config, load_dataset(folder), tmp_path / "run")
    audit = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))

    assert 31 == len(load_dataset(tmp_path / "run" / "manifest.csv"))
    assert [("unreadable", [name])] == [(each["name"], each["pictures"]) for each in audit["findings"]]


def test_a_folder_that_holds_something_else_is_left_alone(finished, settings, data, tmp_path):
    """Neither a finished run nor a stranger's file is overwritten."""
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError, match="already holds"):
        train_run(settings(), load_dataset(data), finished[0])
    with pytest.raises(ConfigError, match=r"already holds notes\.txt"):
        train_run(settings(), load_dataset(data), tmp_path)


def test_the_configuration_is_there_even_if_the_rest_fails(settings, data, tmp_path):
    """config.toml is written before weights or pictures are looked at."""
    with pytest.raises(ConfigError, match=r"absent\.pth"):
        train_run(settings(weights="absent.pth"), load_dataset(data), tmp_path / "run")

    assert settings(weights="absent.pth") == load_config(tmp_path / "run" / "config.toml")


def test_a_frozen_split_is_used(settings, data, tmp_path):
    """Pictures are where the split file says, in training and in the run's manifest."""
    dataset = load_dataset(data)
    splits = ["validation" if i % 4 == 0 else "test" if i % 4 == 1 else "train" for i in range(len(dataset))]
    lines = [f"{record.name},{split}" for record, split in zip(dataset.records, splits, strict=True)]
    file = tmp_path / "split.csv"
    file.write_text("path,split\n" + "\n".join(lines) + "\n", encoding="utf-8")

    train_run(settings(split_file=file, epochs=0, head_epochs=1), dataset, tmp_path / "run")

    assert splits == load_dataset(tmp_path / "run" / "manifest.csv").splits()


def test_validation_without_a_class_is_an_error(settings, data, tmp_path):
    """Early stopping and calibration need both classes."""
    dataset = load_dataset(data)
    splits = ["train" if record.label or i % 2 else "validation" for i, record in enumerate(dataset.records)]

    with pytest.raises(EmptyClass):
        train_run(settings(), dataset.with_splits(splits), tmp_path / "run")


def test_frozen_stages_keep_every_bit_in_phase_two(settings, data, partial, tmp_path):
    """Up to the stage that is named, with the statistics of batch normalisation; above, all is trained."""
    lines: list[str] = []
    config = settings(freeze="layer2", head_epochs=0, epochs=1)
    train_run(config, load_dataset(data), tmp_path / "run", report=lines.append)
    loaded, trained = load_file(partial), load_file(tmp_path / "run" / "weights.safetensors")
    frozen = [name for name in loaded if name.split(".")[0] in {"conv1", "bn1", "layer1", "layer2"}]

    assert all(torch.equal(loaded[name].to(trained[name].dtype), trained[name]) for name in frozen)
    for name in ("layer3.0.conv1.weight", "layer3.0.bn1.running_mean", "layer3.0.bn1.bias"):
        assert not torch.equal(loaded[name].float(), trained[name])
    assert any(line.startswith("phase two: layers above layer2, ") for line in lines)


def test_frozen_batch_normalisation_keeps_its_statistics_and_trains_its_scale(
    settings, data, partial, tmp_path
):
    """In both phases, also where it was drawn."""
    train_run(settings(freeze_bn=True, head_epochs=1, epochs=1), load_dataset(data), tmp_path / "run")
    loaded = load_file(partial)
    trained = torch.load(_payload(tmp_path / "run" / "checkpoint" / "last.pt"), weights_only=True)["network"]

    for name in ("bn1", "layer3.1.bn2"):
        assert torch.equal(loaded[f"{name}.running_mean"].float(), trained[f"{name}.running_mean"])
        assert not torch.equal(loaded[f"{name}.weight"].float(), trained[f"{name}.weight"])
    assert 0 == trained["layer4.1.bn2.running_mean"].abs().max()
    assert 0 < trained["layer4.1.bn2.bias"].abs().max()


def test_a_deterministic_run_forbids_other_operations_while_it_lasts(settings, data, tmp_path):
    """And the setting is off again afterwards."""
    seen = set()
    config = settings(deterministic=True, head_epochs=1, epochs=0)
    train_run(
        config,
        load_dataset(data),
        tmp_path / "run",
        live=lambda _: seen.add(torch.are_deterministic_algorithms_enabled()),
    )

    assert {True} == seen
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_run_with_an_average_and_a_plateau_is_resumed_to_the_bit(settings, data, tmp_path):
    """Killed in the middle of phase two, where both have a history."""
    config = settings(ema=0.8, schedule="plateau", plateau_epochs=1, freeze="stem", checkpoint_minutes=0)
    train_run(config, load_dataset(data), tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped by the test"):
        train_run(config, load_dataset(data), tmp_path / "killed", live=_Stopper("full", 5))
    resume_run(tmp_path / "killed")

    assert _metrics(tmp_path / "whole") == _metrics(tmp_path / "killed")
    assert _same(*(load_file(tmp_path / run / "weights.safetensors") for run in ("whole", "killed")))


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "momentum"},
        {"schedule": "cyclic"},
        {"layer_decay": 0.3},
        {"dropout": 0.6},
        {"label_smoothing": 0.2},
        {"weight_decay": 0.5},
        {"balance": "class"},
        {"augment": "strong"},
        {"resize": "pad"},
        {"masks": ()},
        {"lr": 1e-3},
        {"precision": "bfloat16"},
        {"batch": 5},
        {"ema": 0.9},
        {"init": "xavier"},
        {"mixup": 1.0},
        {"cutmix": 1.0},
        {"mosaic": 1.0},
        {"optimizer": "sgd"},
        {"optimizer": "adam"},
    ],
    ids=lambda change: "-".join(map(str, *change.items())),
)
def test_every_option_of_phase_two_changes_the_weights(reference, settings, data, tmp_path, change):
    """An option that does nothing would be a lie."""
    train_run(settings(head_epochs=0, epochs=1, **change), load_dataset(data), tmp_path / "run")

    assert not np.array_equal(reference, _flat(tmp_path / "run"))


def test_class_weights_change_what_is_learned_where_classes_are_uneven(settings, data, tmp_path):
    """With three times as many absences as presences in training."""
    dataset = load_dataset(data)
    held = ["validation", "test", "test"]
    splits = ["validation" if i % 4 == 0 else "train" for i in range(len(dataset))]
    present = [i for i, record in enumerate(dataset.records) if record.label and splits[i] == "train"]
    for i in present[4:]:
        splits[i] = held[i % 3]
    for weights in ("none", "balanced"):
        config = settings(head_epochs=0, epochs=1, class_weights=weights, group_by="none")
        train_run(config, dataset.with_splits(splits), tmp_path / weights)

    assert not np.array_equal(_flat(tmp_path / "none"), _flat(tmp_path / "balanced"))


@pytest.fixture(scope="module")
def reference(settings, data, tmp_path_factory):
    """Return the weights after one epoch of phase two with the usual options."""
    out = tmp_path_factory.mktemp("runs") / "reference"
    train_run(settings(head_epochs=0, epochs=1), load_dataset(data), out)
    return _flat(out)


def _flat(out):
    return load_file(out / "weights.safetensors")["layer3.1.conv2.weight"].numpy()


def test_kept_pictures_change_no_bit(finished, settings, data, tmp_path):
    """A run from decoded pictures ends like one that decodes, and says how many were there."""
    said: list[str] = []
    for name in ("first", "second"):
        train_run(
            settings(cache=str(tmp_path / "kept"), workers=1),
            load_dataset(data),
            tmp_path / name,
            report=said.append,
        )

        assert _same(
            load_file(finished[0] / "weights.safetensors"), load_file(tmp_path / name / "weights.safetensors")
        )
    assert ["0 of 32", "32 of 32"] == [line[:8].strip() for line in said if "were decoded before" in line]
