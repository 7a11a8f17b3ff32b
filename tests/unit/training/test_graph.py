"""The exported graph takes pictures, answers like the network, and says nothing about where it was made."""

from __future__ import annotations

import copy
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hornet.artifact import OUTPUTS
from hornet.errors import ExportMismatch
from hornet.pooling import Pooling
from hornet.training import graph
from hornet.training.network import IMAGENET_MEAN, IMAGENET_STD, HornetNet, normalise


@pytest.fixture(scope="module")
def batch():
    """Return five pictures of noise."""
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


def run(model, batch):
    """Return the four outputs by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"image": batch}), strict=True))


def sigmoid(x):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def test_logits_are_the_networks(network, float_graph, batch):
    """Normalisation and folded batch norms inside the graph change nothing."""
    with torch.inference_mode():
        expected = network(normalise(torch.from_numpy(batch))).numpy()

    outputs = run(float_graph, batch)

    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
    np.testing.assert_allclose(outputs["probability"], sigmoid(expected[:, 1] - expected[:, 0]), atol=1e-5)


def test_folding_keeps_the_function_and_the_original(network, batch):
    """Folded batch norms give the same features, and the network that was passed stays as it was."""
    before = copy.deepcopy(network.state_dict())
    x = normalise(torch.from_numpy(batch))

    folded = graph.fold_batch_norms(copy.deepcopy(network))
    graph.ArtifactModule(network, mean=IMAGENET_MEAN, std=IMAGENET_STD)

    with torch.inference_mode():
        torch.testing.assert_close(folded.feature_map(x), network.feature_map(x), atol=1e-4, rtol=1e-4)
    assert not [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_heatmap_sums_up_to_the_logits(network, float_graph, batch):
    """The mean of the heatmap plus the head's bias is the logit difference."""
    outputs = run(float_graph, batch)

    difference = outputs["logits"][:, 1] - outputs["logits"][:, 0]
    bias = float(network.fc.bias.detach().diff())
    assert (5, 2, 2) == outputs["heatmap"].shape
    np.testing.assert_allclose(outputs["heatmap"].mean(axis=(1, 2)) + bias, difference, atol=1e-4)


@pytest.mark.parametrize("rule", ["max", "lse:3", "top:2", "top:99"])
def test_identity_holds_for_every_pooling(network, batch, rule):
    """Pooled by the rule that the contract names, the heatmap plus the bias is the logit difference."""
    pooled = HornetNet(pooling=rule).eval()
    pooled.load_state_dict(network.state_dict())
    with torch.inference_mode():
        expected = pooled(normalise(torch.from_numpy(batch))).numpy()
    module = graph.ArtifactModule(pooled, mean=IMAGENET_MEAN, std=IMAGENET_STD)

    outputs = run(graph.export_graph(module, (64, 64)), batch)

    difference = outputs["logits"][:, 1] - outputs["logits"][:, 0]
    bias = float(pooled.fc.bias.detach().diff())
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
    np.testing.assert_allclose(Pooling.parse(rule)(outputs["heatmap"]) + bias, difference, atol=1e-4)
    assert rule == "top:99" or np.abs(outputs["heatmap"].mean(axis=(1, 2)) + bias - difference).max() > 0.1


def test_embedding_is_the_mean_of_the_feature_map(network, float_graph, batch):
    """The embedding is what the linear layer sees."""
    with torch.inference_mode():
        expected = network.feature_map(normalise(torch.from_numpy(batch))).mean(dim=(2, 3)).numpy()

    np.testing.assert_allclose(run(float_graph, batch)["embedding"], expected, atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_pictures_gives_the_answers_of_singles(float_graph, count):
    """N is free, and neighbours in a batch don't matter."""
    pictures = np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)

    together = run(float_graph, pictures)["logits"]

    singles = np.concatenate([run(float_graph, pictures[i : i + 1])["logits"] for i in range(count)])
    np.testing.assert_allclose(together, singles, atol=1e-5)


def test_temperature_and_prior_shift_can_be_set_in_the_file(float_graph, batch):
    """Calibration rewrites two named scalars, and the probability follows."""
    model = copy.deepcopy(float_graph)
    logits = run(model, batch)["logits"]

    graph.set_scalar(model, graph.TEMPERATURE, 2.5)
    graph.set_scalar(model, graph.PRIOR_SHIFT, -0.75)

    expected = sigmoid((logits[:, 1] - logits[:, 0]) / 2.5 - 0.75)
    np.testing.assert_allclose(run(model, batch)["probability"], expected, atol=1e-6)
    np.testing.assert_array_equal(run(model, batch)["logits"], logits)


def test_a_scalar_that_is_not_there_is_an_error(float_graph):
    """Setting an unknown scalar doesn't pass silently."""
    with pytest.raises(ExportMismatch, match="humidity"):
        graph.set_scalar(copy.deepcopy(float_graph), "humidity", 1.0)


def test_export_says_nothing_about_this_machine(float_graph, tmp_path):
    """No path, source file, stack trace or exporter shows in the bytes besides the weights."""
    model = copy.deepcopy(float_graph)
    for initializer in model.graph.initializer:
        initializer.ClearField("raw_data")
    content = model.SerializeToString()

    for trace in (b".py", b"site-packages", b"torch", b"File ", b"line ", b"pkg."):
        assert trace not in content
    for place in graph.local_places(tmp_path):
        assert place.encode() not in content


def test_scrub_removes_everything_but_the_contract():
    """Doc strings, metadata of nodes, inferred shapes and the exporter's name go; the contract stays."""
    node = onnx.helper.make_node("Relu", ["a"], ["b"], doc_string="/home/someone/secret.py")
    value = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1], doc_string="secret")
    result = onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [1])
    inner = onnx.helper.make_function("d", "f", ["x"], ["y"], [copy.deepcopy(node)], [], doc_string="secret")
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "secret", [value], [result], doc_string="secret", value_info=[value]),
        functions=[inner],
        producer_name="secret",
        doc_string="secret",
    )
    model.graph.node[0].metadata_props.add(key="trace", value="secret")
    model.metadata_props.add(key="secret", value="secret")
    graph.set_contract_text(model, "{}")

    content = graph.scrub(model).SerializeToString()

    assert b"secret" not in content
    assert [("hornet.contract", "{}")] == [(entry.key, entry.value) for entry in model.metadata_props]


def test_contract_text_is_replaced_not_added():
    """A file has one contract, however often it is written."""
    model = onnx.ModelProto()
    model.metadata_props.add(key="other", value="kept")

    graph.set_contract_text(model, "first")
    graph.set_contract_text(model, "second")

    assert [("other", "kept"), ("hornet.contract", "second")] == [
        (entry.key, entry.value) for entry in model.metadata_props
    ]


def test_local_places_are_found_however_they_are_written(tmp_path):
    """A path that slipped into a contract is found, escaped or with forward slashes too; golden pictures aren't searched."""
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    contract = {"golden": [{"jpeg": "/home/me"}], "a": "C:\\data\\x", "b": "D:/runs/1", "c": "/srv/run/1"}
    graph.set_contract_text(model, json.dumps(contract))
    onnx.save(model, tmp_path / "model.onnx")

    found = graph.find_text(
        tmp_path / "model.onnx", ["/home/me", "C:\\data", "D:\\runs", "/srv/run", "/nowhere"]
    )

    assert ["C:\\data", "D:\\runs", "/srv/run"] == found
