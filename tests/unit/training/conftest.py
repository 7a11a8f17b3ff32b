"""A small network that never saw a picture, and a run folder around it: enough to export in seconds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hornet.dataset import fingerprint, load_dataset, split_dataset, write_manifest
from hornet.dataset.drawings import draw, write_dataset
from hornet.training.config import build_config, save_config
from hornet.training.export import export_run
from hornet.training.graph import ArtifactModule, export_graph
from hornet.training.network import IMAGENET_MEAN, IMAGENET_STD, HornetNet, normalise
from hornet.training.runfolder import RunFolder, save_json, save_weights

SIZE = (64, 64)


@pytest.fixture(scope="session")
def network() -> HornetNet:
    """Return a network of random features and a fitted head: it tells drawings apart without being trained."""
    torch.manual_seed(0)
    # Sums of several threads round otherwise, and int8 suits these random weights only just.
    torch.set_num_threads(1)
    network = HornetNet()
    drawn = [draw(("absent", "present")[i % 2], seed=i, size=SIZE) for i in range(48)]
    batch = normalise(torch.from_numpy(np.stack([np.asarray(picture) for picture in drawn])))
    sides = torch.tensor([-1.0, 1.0]).repeat(24)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.0)
                module.bias.normal_(0, 0.3)
                module.momentum = 1.0  # the running statistics become this batch's
        network.train()
        network.feature_map(batch)
        features = network.eval().feature_map(batch).mean(dim=(2, 3))
        centred = features - features.mean(dim=0)
        # Ridge regression in its dual form: 48 pictures, 512 features.
        kernel = centred @ centred.T
        weight = (
            2 * centred.T @ torch.linalg.solve(kernel + 0.3 * kernel.diagonal().mean() * torch.eye(48), sides)
        )
        network.fc.weight.copy_(torch.stack([-weight, weight]))
        network.fc.bias.copy_(torch.tensor([1.0, -1.0]) * (features.mean(dim=0) @ weight))
    return network


@pytest.fixture(scope="session")
def float_graph(network):
    """Return the network's exported float32 graph. Copy it before changing it."""
    return export_graph(ArtifactModule(network, mean=IMAGENET_MEAN, std=IMAGENET_STD), SIZE)


@pytest.fixture(scope="session")
def make_run(network):
    """Return a function that writes a run folder as a training leaves it, with 48 drawn pictures."""

    def make(folder, **settings):
        data, run = folder / "data", RunFolder(folder / "run")
        write_dataset(data, 24, seed=1, size=(96, 72))
        dataset = split_dataset(load_dataset(data), validation=0.25, test=0.25)
        run.path.mkdir()
        config = build_config({"data": data, "size": SIZE, "weights": "none", **settings})
        save_config(config, run.config)
        write_manifest(dataset, run.manifest)
        save_weights(run.weights, network.state_dict(), config)
        save_json(
            run.calibration,
            {
                "temperature": 1.5,
                "decision_threshold": 0.45,
                "training_prevalence": 0.5,
                "best": {"phase": "full", "epoch": 1, "validation_loss": 0.7},
                "fingerprint": fingerprint(dataset),
                "groups": {"train": 24, "validation": 12, "test": 12},
                "sources": {"": {"train": [12, 12], "validation": [6, 6], "test": [6, 6]}},
            },
        )
        return run.path

    return make


@pytest.fixture(scope="session")
def exported(make_run, tmp_path_factory):
    """Return the result of exporting a drawn run. Its files are shared: copy them before changing them."""
    messages: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # 24 pictures of training and 12 of validation are few, but drawings differ little.
        for module in ("hornet.novelty", "hornet.training.novelty"):
            patch.setattr(f"{module}.FEWEST_TRAINING", 24)
            patch.setattr(f"{module}.FEWEST_VALIDATION", 12)
        patch.setattr("hornet.drift.FEWEST", 12)
        result = export_run(
            make_run(tmp_path_factory.mktemp("exported")), reporter=messages.append, licence="CC0-1.0"
        )
    assert messages
    return result
