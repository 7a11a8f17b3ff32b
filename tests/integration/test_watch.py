"""What a run shows of itself: TensorBoard's events and energy, read back from their files."""

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError, MissingExtra
from hornet.training.config import TrainConfig
from hornet.training.energy import add_predictions, describe_energy, measuring, read_energy
from hornet.training.export import export_run
from hornet.training.run import resume_run, train_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Return a small run on drawn pictures, in phase two only."""
    data = tmp_path_factory.mktemp("data")
    write_dataset(data, 12, size=(60, 48))
    return TrainConfig(
        data=data, weights="none", size=(32, 48), batch=6, epochs=2, threads=1, workers=0, tensorboard=True
    )


def _events(folder):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = event_accumulator.EventAccumulator(str(folder), size_guidance={"histograms": 0, "scalars": 0})
    events.Reload()
    return events


def _stop(text):
    if text.startswith("full 2/2"):
        raise RuntimeError("stopped by the test")


def test_tensorboard_shows_inputs_weights_gradients_and_rates(config, tmp_path):
    """Stopped and resumed, every epoch is there once; the grid holds the first batch with its value range."""
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stopped by the test"):
        train_run(config, load_dataset(config.data), run, live=_stop)
    resume_run(run)
    events = _events(run / "tensorboard")
    tags = events.Tags()
    image = Image.open(io.BytesIO(events.Images("full/inputs")[0].encoded_image_string))

    for name in ("train_loss", "validation_loss", "validation_auc", "rate/group0"):
        assert [1, 2] == [event.step for event in events.Scalars(f"full/{name}")], name
    for kind in ("parameters", "gradients"):
        assert [1, 2] == [event.step for event in events.Histograms(f"full/{kind}/layer1.0.conv1.weight")]
    assert [1] == [event.step for event in events.Scalars("full/inputs/min")]
    low, high = (events.Scalars(f"full/inputs/{name}")[0].value for name in ("min", "max"))
    assert -2.2 < low < high < 2.7
    assert "full/inputs/text_summary" in tags["tensors"]
    # A row of six pictures of 48 x 32 px, with 2 px between them.
    assert (6 * 50 + 2, 36) == image.size
    assert np.asarray(image).std() > 10


def test_energy_is_counted_for_the_run_and_for_predictions(config, tmp_path, monkeypatch):
    """Kept in the run and told on the card, with how each part was found; no connection is made."""
    pytest.importorskip("codecarbon")
    monkeypatch.setattr("hornet.training.energy._PREDICTING_S", 0.2)
    run = tmp_path / "run"
    said: list[str] = []
    settings = config.model_copy(update={"tensorboard": False, "energy": "FRA", "epochs": 1})
    train_run(settings, load_dataset(config.data), run, report=said.append)
    export_run(run, reporter=said.append)
    document = json.loads((run / "energy.json").read_text(encoding="utf-8"))
    (training,), thousand = document["training"], document["thousand_predictions"]

    assert training["kwh"] > 0
    assert training["kg_co2"] > 0
    assert {"measured", "estimated", "none"} >= {part["how"] for part in training["parts"].values()}
    assert thousand["pictures_measured"] >= 32
    assert thousand["kwh"] > 0
    card = (run / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "## Energy" in card
    assert "A thousand predictions:" in card
    assert any(line.startswith("Training:") and "estimated" in line for line in said)


def test_energy_of_several_sessions_adds_up(tmp_path):
    """A resumed run tells of all that it took."""
    part = {"kwh": 0.0, "how": "estimated"}
    session = {"kwh": 0.001, "kg_co2": 0.0002, "seconds": 10, "country": "FRA", "parts": {"cpu": part}}
    (tmp_path / "energy.json").write_text(json.dumps({"training": [session, session]}), encoding="utf-8")

    (sentence,) = describe_energy(tmp_path / "energy.json")

    assert sentence.startswith("Training: 2 Wh, 0.4 g of CO2")
    assert {} == read_energy(tmp_path / "none.json")
    add_predictions(tmp_path / "none.json", lambda: 0)
    assert not (tmp_path / "none.json").exists()


def test_a_country_that_is_none_is_an_error():
    """Before anything is trained."""
    pytest.importorskip("codecarbon")
    with pytest.raises(ConfigError, match="no such country"), measuring("XYZ"):
        pass


def test_a_missing_extra_is_named(config, tmp_path, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setitem(sys.modules, "codecarbon", None)

    with pytest.raises(MissingExtra, match=r"hornet-detector\[tensorboard\]"):
        train_run(config, load_dataset(config.data), tmp_path / "run")
    with pytest.raises(MissingExtra, match=r"hornet-detector\[carbon\]"), measuring("FRA"):
        pass
