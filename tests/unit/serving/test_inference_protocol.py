"""/v2: metadata, health, and inference as Triton's own client asks for it."""

import json

import numpy as np
import pytest
import tritonclient.http as triton

from hornet import Classifier

URL = "/v2/models/hornet/infer"


@pytest.fixture
def batch():
    """Return three inputs of the tiny model."""
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


@pytest.fixture
def expected(session_model, batch):
    """Return what the classifier's network says of them."""
    return Classifier.open(session_model).run(batch)


@pytest.fixture
def asker(client):
    """Return Triton's client."""
    found = triton.InferenceServerClient(client.base_url.netloc.decode())
    yield found
    found.close()


def request(**changes):
    """Return a request for one black picture, as a document."""
    tensor = {"name": "image", "shape": [1, 8, 8, 3], "datatype": "UINT8", "data": [0] * 192}
    return {"inputs": [tensor | {key: value for key, value in changes.items() if value is not None}]}


@pytest.mark.parametrize("binary", [True, False])
def test_triton_client(asker, batch, expected, binary):
    """Triton's client gets every output, as JSON and as binary data, in and out."""
    tensor = triton.InferInput("image", batch.shape, "UINT8")
    tensor.set_data_from_numpy(batch, binary_data=binary)
    names = ("probability", "logits", "heatmap", "embedding")
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    answer = asker.infer("hornet", [tensor], outputs=wanted, request_id="seven")

    assert "seven" == answer.get_response()["id"]
    for name in names:
        np.testing.assert_allclose(getattr(expected, name), answer.as_numpy(name), atol=1e-6)


def test_novelty_is_an_output_where_the_model_has_it(serve, make_artifact, red_and_blue, tmp_path, batch):
    """The metadata list it, Triton's client gets it by name and without naming any, and it is the classifier's."""
    model = make_artifact(tmp_path / "m.onnx", novelty=red_and_blue)
    classifier = Classifier.open(model)
    expected = classifier.novelty(classifier.run(batch).embedding)
    tensor = triton.InferInput("image", batch.shape, "UINT8")
    tensor.set_data_from_numpy(batch)
    with serve(model=str(model)) as client:
        asker = triton.InferenceServerClient(client.base_url.netloc.decode())
        listed = asker.get_model_metadata("hornet")["outputs"]
        named = asker.infer("hornet", [tensor], outputs=[triton.InferRequestedOutput("novelty")])
        every = asker.infer("hornet", [tensor])
        asker.close()

    assert {"name": "novelty", "datatype": "FP32", "shape": [-1]} in listed
    assert expected == pytest.approx(named.as_numpy("novelty").tolist(), rel=1e-5)
    assert expected == pytest.approx(every.as_numpy("novelty").tolist(), rel=1e-5)


def test_novelty_isnt_an_output_where_the_model_hasnt_it(client):
    """A model that can't tell refuses to."""
    asked = request() | {"outputs": [{"name": "novelty"}]}
    answer = client.post(URL, json=asked)

    assert (422, "invalid") == (answer.status_code, answer.json()["code"])


def test_triton_client_without_outputs(asker, batch, expected):
    """Who names no outputs gets all of them."""
    tensor = triton.InferInput("image", batch.shape, "UINT8")
    tensor.set_data_from_numpy(batch)
    answer = asker.infer("hornet", [tensor])

    np.testing.assert_allclose(expected.probability, answer.as_numpy("probability"), atol=1e-6)
    assert 4 == len(answer.get_response()["outputs"])


def test_triton_metadata(asker, client):
    """Health and metadata are what Triton's client expects, of the server, the model and its version."""
    metadata = asker.get_model_metadata("hornet")
    version = client.app.state.hornet.champion.current.version

    assert asker.is_server_live()
    assert asker.is_server_ready()
    assert asker.is_model_ready("hornet")
    assert asker.is_model_ready("hornet", version)
    assert ["binary_tensor_data"] == asker.get_server_metadata()["extensions"]
    assert [version] == metadata["versions"]
    assert metadata == asker.get_model_metadata("hornet", version)
    assert [{"name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}] == metadata["inputs"]


def test_triton_errors(asker, batch):
    """Triton's client understands our errors."""
    tensor = triton.InferInput("image", (3, 8, 8), "UINT8")
    tensor.set_data_from_numpy(batch[..., 0])

    with pytest.raises(triton.InferenceServerException, match="shape must be") as caught:
        asker.infer("hornet", [tensor])

    assert "422" == caught.value.status()


def test_nested_json(client, batch, expected):
    """Numbers may be nested as the shape says."""
    document = request(shape=[3, 8, 8, 3], data=batch.tolist())
    answer = client.post(URL, json=document | {"outputs": [{"name": "probability"}]}).json()

    (output,) = answer["outputs"]
    assert ("probability", [3], "FP32") == (output["name"], output["shape"], output["datatype"])
    np.testing.assert_allclose(expected.probability, output["data"], atol=1e-6)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"inputs": {}},
        {"inputs": []},
        {"inputs": [1]},
        {"inputs": [request()["inputs"][0]] * 2},
        request(name="pixels"),
        request(datatype="FP32"),
        request(shape=[1, 8, 8]),
        request(shape=[True, 8, 8, 3]),
        request(shape=[0, 8, 8, 3], data=[]),
        request(shape=[-1, 8, 8, 3]),
        request(shape="1883"),
        request(data=[0] * 191),
        request(data=[0] * 191 + [256]),
        request(data=[0] * 191 + [-1]),
        request(data=[0.5] * 192),
        request(data=["0"] * 192),
        request(data=[True] * 192),
        request(data=[0] * 191 + [10**30]),
        request(data=[[0, 0], [0]]),
        request(data="0"),
        request(data={}),
        request(parameters=1),
        request(parameters={"binary_data_size": 192}),
        request(parameters={"shared_memory_region": "a"}),
        request() | {"id": 7},
        request() | {"outputs": 1},
        request() | {"outputs": [{"name": "secret"}]},
        request() | {"outputs": [{"name": ["probability"]}]},
        request() | {"outputs": [{"name": "logits", "parameters": {"classification": 2}}]},
        request() | {"parameters": []},
    ],
)
def test_wrong_requests(client, document):
    """A request that isn't the protocol's says what is wrong, under the protocol's key and ours."""
    answer = client.post(URL, json=document)

    assert (422, "invalid") == (answer.status_code, answer.json()["code"]), answer.text
    assert {"code", "message", "error"} == set(answer.json())


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"9" * 10_000, None),
        (b"{}", "3"),
        (b"{}", "-1"),
        (b"{}", "x"),
        (json.dumps(request()).encode() + b"more", str(len(json.dumps(request())))),
    ],
)
def test_wrong_bytes(client, body, length):
    """What is no JSON, or not as long as announced, is 422."""
    headers = {"Inference-Header-Content-Length": length} if length else {}
    answer = client.post(URL, content=body, headers={"Content-Type": "application/json"} | headers)

    assert (422, "invalid") == (answer.status_code, answer.json()["code"]), answer.text


def test_limits(serve):
    """Too many pictures, or too much JSON, is 413; as binary data the same is taken."""
    with serve(max_pictures=2, max_json_bytes=1000) as client:
        large = client.post(URL, json=request(shape=[2, 8, 8, 3], data=[255] * 384))
        announced = client.post(URL, content=b"{}", headers={"Inference-Header-Content-Length": "1001"})
        tensor = request(shape=[3, 8, 8, 3], data=None, parameters={"binary_data_size": 576})
        del tensor["inputs"][0]["data"]
        text = json.dumps(tensor).encode()
        headers = {"Inference-Header-Content-Length": str(len(text))}
        many = client.post(URL, content=text + bytes(576), headers=headers)
        good = client.post(
            URL,
            content=text.replace(b"[3, 8", b"[2, 8").replace(b"576", b"384") + bytes(384),
            headers=headers,
        )

    assert [413, 413, 413, 200] == [answer.status_code for answer in (large, announced, many, good)], (
        good.text
    )


def test_other_models_and_versions(client):
    """Another model or version is 404; a version that is none is 422."""
    statuses = [
        client.get(f"/v2/models/{path}").status_code
        for path in ("bee", "hornet/versions/0123456789abcdef", "hornet/versions/1")
    ]

    assert [404, 404, 422] == statuses
    assert 404 == client.post("/v2/models/hornet/versions/0123456789abcdef/infer", json=request()).status_code
