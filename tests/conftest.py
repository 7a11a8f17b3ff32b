"""Shared fixtures: no network but loopback, no registry but a temporary one, a small real artifact."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest

# Before anything imports albumentations: it would ask the network for its newest version.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
# Also for fixtures that outlive a test: the user's cache stays out of the tests, and they out of it.
os.environ["HORNET_CACHE"] = "none"

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise RuntimeError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch, tmp_path_factory):
    """Keep the user's registry and model out of the tests, and the tests out of the user's registry."""
    monkeypatch.setenv("HORNET_REGISTRY", str(tmp_path_factory.mktemp("registry") / "registry"))
    monkeypatch.delenv("HORNET_MODEL", raising=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the manifest of the real pictures, or skip."""
    folder = os.environ.get("HORNET_REAL_DATA")
    if not folder:
        pytest.skip("HORNET_REAL_DATA isn't set")
    return Path(folder) / "manifest.csv"


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """Return the file of starting weights, or skip."""
    path = os.environ.get("HORNET_WEIGHTS")
    if not path:
        pytest.skip("HORNET_WEIGHTS isn't set")
    return Path(path)


@pytest.fixture(scope="session")
def contract_values() -> dict:
    """Return a whole contract's document: 8 x 8 px, nothing masked."""
    return {
        "version": 1,
        "classes": ["absent", "present"],
        "size": [8, 8],
        "resize": "stretch",
        "draft_margin": 2.0,
        "exif": "upright",
        "masks": [],
        "fill": [124, 116, 104],
        "tiling": None,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "pooling": "mean",
        "temperature": 1.0,
        "prior_shift": 0.0,
        "decision_threshold": 0.5,
        "low": 0.5,
        "high": 0.5,
        "precision": "float32",
        "training": {},
        "quality": {},
        "software": {},
        "licence": "Apache-2.0",
        "provenance": "made by the tests",
        "golden": [],
        "golden_tolerance": 1e-4,
    }


@pytest.fixture(scope="session")
def make_artifact(contract_values):
    """Return a function that writes a tiny artifact whose answers can be told in advance.

    The redder a picture, the more it is a hornet: each quarter's mean of (red - blue) / 255, times ``gain``,
    is a place of the heatmap; the mean of the four is the logit difference.
    """

    def make(path: Path, *, graph_size: tuple[int, int] = (8, 8), gain: float = 10.0, **changes) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        height, width = graph_size
        size = np.array([gain, 0.0, -gain], np.float32).reshape(1, 3, 1, 1) / 255
        constants: dict[str, np.ndarray] = {
            "kernel": size,
            "places": np.array([1], np.int64),
            "hw": np.array([1, 2], np.int64),
            "hw4": np.array([2, 3], np.int64),
            "signs": np.array([[-0.5, 0.5]], np.float32),
            "column": np.array([1], np.int64),
            "temperature": np.array(1.0, np.float32),
            "prior_shift": np.array(0.0, np.float32),
            "spread": np.linspace(-1, 1, 3 * 512, dtype=np.float32).reshape(3, 512),
        }
        nodes = [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
            helper.make_node(
                "AveragePool",
                ["nchw"],
                ["pooled"],
                kernel_shape=[height // 2, width // 2],
                strides=[height // 2, width // 2],
            ),
            helper.make_node("Conv", ["pooled", "kernel"], ["heat4"]),
            helper.make_node("Squeeze", ["heat4", "places"], ["heatmap"]),
            helper.make_node("ReduceMean", ["heatmap", "hw"], ["difference"], keepdims=0),
            helper.make_node("Div", ["difference", "temperature"], ["scaled"]),
            helper.make_node("Add", ["scaled", "prior_shift"], ["shifted"]),
            helper.make_node("Sigmoid", ["shifted"], ["probability"]),
            helper.make_node("Unsqueeze", ["difference", "column"], ["difference2"]),
            helper.make_node("MatMul", ["difference2", "signs"], ["logits"]),
            helper.make_node("ReduceMean", ["pooled", "hw4"], ["features"], keepdims=0),
            helper.make_node("MatMul", ["features", "spread"], ["embedding"]),
        ]
        outputs: dict[str, list[str | int | None]] = {
            "probability": ["n"],
            "logits": ["n", 2],
            "heatmap": ["n", 2, 2],
            "embedding": ["n", 512],
        }
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", height, width, 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        document = {key: value for key, value in {**contract_values, **changes}.items() if value is not ...}
        helper.set_model_props(model, {"hornet.contract": json.dumps(document)})
        onnx.save(model, path)
        return path

    return make


@pytest.fixture(scope="session")
def red_and_blue() -> dict:
    """Return what a contract says of novelty if the tiny artifact saw nothing but reds and blues: no white, no black."""
    from hornet.novelty import Novelty

    spread = np.linspace(-1, 1, 3 * 512, dtype=np.float32).reshape(3, 512)

    def seen(seed: int, count: int) -> np.ndarray:
        generator = np.random.default_rng(seed)
        colours = generator.uniform((180, 0, 0), (255, 40, 40), (count, 3))
        colours[::2] = colours[::2, ::-1]  # class 0 is blue
        # The noise: colours alone would fill few directions, and rounding all others.
        return (colours @ spread + generator.normal(0, 1, (count, 512))).astype(np.float32)

    return Novelty.fit(seen(1, 300), np.arange(300) % 2, seen(2, 200), tolerance=0.01).to_document()


@pytest.fixture(scope="session")
def half_red() -> dict:
    """Return what a contract says of drift if half of the validation pictures were hornets, and all were ordinary."""
    from hornet.drift import Reference

    generator = np.random.default_rng(3)
    values = {"probability": generator.uniform(0, 1, 400), "novelty": generator.uniform(0.2, 0.9, 400)}
    reference = Reference.fit(values, list(range(400)))
    assert reference is not None
    return reference.to_document()


@pytest.fixture
def tiny_model(make_artifact, tmp_path) -> Path:
    """Return the tiny artifact; see make_artifact for what it answers."""
    return make_artifact(tmp_path / "tiny.onnx")


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory):
    """Serve the S3 API on loopback; return the variables that lead there, and nowhere else."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    nothing = str(tmp_path_factory.mktemp("aws") / "nothing")
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": "of-the-tests",
        "AWS_SECRET_ACCESS_KEY": "of-the-tests",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
    }
    server.stop()


@pytest.fixture
def bucket(s3_environment, monkeypatch):
    """Return the ``s3://`` address of a new bucket of the served store, which this process now uses."""
    from pyarrow import fs

    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    system = fs.S3FileSystem(
        endpoint_override=s3_environment["AWS_ENDPOINT_URL"], region="eu-west-3", allow_bucket_creation=True
    )
    name = f"hornet-{os.urandom(6).hex()}"
    system.create_dir(name)
    return f"s3://{name}"
