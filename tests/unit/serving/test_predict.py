"""POST /predict: forms, raw bodies, verdicts, failures, heatmaps, limits."""

import base64
import io
import json

import pytest
from PIL import Image

from hornet import Classifier


def picture(colour, size=(20, 10)) -> bytes:
    """Return a plain picture as PNG bytes."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = picture((255, 0, 0)), picture((0, 0, 255))


def post(client, *pictures, **parameters):
    """Send pictures as a form: (name, bytes) each."""
    files = [("files", (name, data, "image/png")) for name, data in pictures]
    return client.post("/predict", files=files, params=parameters)


@pytest.fixture
def _still_answers(client):
    """Ask for a good picture after the abuse: it must be answered."""
    yield
    answer = client.post("/predict", content=RED, headers={"Content-Type": "image/png"})

    assert (200, "present") == (answer.status_code, answer.json()["results"][0]["label"])


def test_form_answers_in_order(client, session_model):
    """Every picture gets what Classifier says of it, under its name, in the order sent."""
    answer = post(client, ("b.png", BLUE), ("r.png", RED), ("b2.png", BLUE))

    classifier = Classifier.open(session_model)
    expected = [
        {
            "name": name,
            "label": said.label,
            "probability": round(said.probability, 6),
            "novelty": None,
            "error": None,
        }
        for name, said in (
            ("b.png", classifier.predict(BLUE)),
            ("r.png", classifier.predict(RED)),
            ("b2.png", classifier.predict(BLUE)),
        )
    ]
    assert 200 == answer.status_code
    assert expected == answer.json()["results"]
    assert {"name": "hornet", "precision": "float32", "low": 0.5, "high": 0.5} == {
        key: value for key, value in answer.json()["model"].items() if key != "version"
    }


def test_what_is_unlike_anything_seen_is_unsure(serve, make_artifact, red_and_blue, tmp_path):
    """Beyond the model's limit a picture is unsure, with its novelty, even if the request brings a threshold."""
    model = make_artifact(tmp_path / "m.onnx", novelty=red_and_blue)
    white = picture((255, 255, 255))
    with serve(model=str(model)) as client:
        red, other = post(client, ("r.png", RED), ("w.png", white)).json()["results"]
        asked = post(client, ("w.png", white), threshold=0.1).json()["results"][0]

    said = Classifier.open(model).predict(white)
    assert said.novelty is not None
    assert ("present", "unsure", "unsure") == (red["label"], other["label"], asked["label"])
    assert round(said.novelty, 4) == other["novelty"] == asked["novelty"]
    assert 0 <= red["novelty"] <= 1 < other["novelty"]


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "IMAGE/JPEG; x=y"])
def test_raw_body(client, kind):
    """A picture may be the body itself; its bytes decide what it is, not the header."""
    answer = client.post("/predict", content=RED, headers={"Content-Type": kind})

    assert (200, "present") == (answer.status_code, answer.json()["results"][0]["label"])


def test_bad_picture_spoils_no_other(client):
    """One unreadable picture has an error, the others a verdict, and the answer is 200."""
    answer = post(client, ("r.png", RED), ("no.png", b"<svg/>"), ("empty.png", b""), ("b.png", BLUE))

    results = answer.json()["results"]
    assert 200 == answer.status_code
    assert ["present", None, None, "absent"] == [result["label"] for result in results]
    assert [None, "unreadable", "unreadable", None] == [
        result["error"] and result["error"]["code"] for result in results
    ]


def test_no_good_picture(client):
    """If none can be used, the answer is 422 and says why for each."""
    answer = post(client, ("a.png", RED[:40]), ("b.png", b"x"))

    assert (422, "no_good_picture") == (answer.status_code, answer.json()["code"])
    assert ["a.png", "b.png"] == [result["name"] for result in answer.json()["results"]]


def test_heatmap_grid(client, session_model):
    """heatmap=grid gives the network's places, whose mean is the logit difference."""
    (result,) = post(client, ("r.png", RED), heatmap="grid").json()["results"]

    expected = Classifier.open(session_model).predict(RED).heatmap
    assert expected is not None
    assert expected.tolist() == result["heatmap"]


def test_heatmap_layer(client):
    """heatmap=layer gives a transparent PNG in the shape of the upright picture."""
    turned = Image.Exif()
    turned[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (800, 400), (255, 0, 0)).save(file, "JPEG", exif=turned)
    (result,) = post(client, ("r.jpg", file.getvalue()), heatmap="layer").json()["results"]
    image = Image.open(io.BytesIO(base64.b64decode(result["heatmap"])))

    assert ("RGBA", (128, 256)) == (image.mode, image.size)


def test_heatmap_png(client):
    """heatmap=png gives a PNG with the picture's width or more, above a caption."""
    (result,) = post(client, ("r.png", picture((255, 0, 0), (400, 300))), heatmap="png").json()["results"]
    image = Image.open(io.BytesIO(base64.b64decode(result["heatmap"])))

    assert ("PNG", 400) == (image.format, image.width)
    assert image.height > 300


def test_threshold_moves_the_verdict(client):
    """Threshold replaces low and high, and the answer says so."""
    answer = post(client, ("r.png", RED), threshold=1).json()

    assert "absent" == answer["results"][0]["label"]
    assert (1, 1) == (answer["model"]["low"], answer["model"]["high"])


@pytest.mark.parametrize(
    "query", ["threshold=2", "threshold=nan", "threshold=-0.1", "threshold=x", "heatmap=jpg", "heatmap="]
)
def test_wrong_parameters(client, query):
    """A parameter that makes no sense is 422 with our form, and its value isn't repeated."""
    answer = client.post(f"/predict?{query}", content=RED, headers={"Content-Type": "image/png"})

    assert (422, "invalid") == (answer.status_code, answer.json()["code"])
    assert {"code", "message"} == set(answer.json())


@pytest.mark.usefixtures("_still_answers")
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("text/plain", 415, "unsupported_media_type"),
        ("application/json", 415, "unsupported_media_type"),
        ("", 415, "unsupported_media_type"),
        ("multipart/form-data", 422, "invalid"),
        ("multipart/form-data; boundary=", 422, "invalid"),
        (f"multipart/form-data; boundary={'b' * 500}", 422, "invalid"),
        ("multipart/form-data; boundary=other", 422, "invalid"),
    ],
)
def test_wrong_content_type(client, kind, status, code):
    """What isn't a form or a picture is refused by what the header says."""
    answer = client.post("/predict", content=RED, headers={"Content-Type": kind})

    assert (status, code) == (answer.status_code, answer.json()["code"])


@pytest.mark.usefixtures("_still_answers")
def test_compressed_bodies_are_refused(client):
    """A Content-Encoding is refused: it could be a bomb."""
    answer = client.post(
        "/predict", content=RED, headers={"Content-Type": "image/png", "Content-Encoding": "gzip"}
    )

    assert 415 == answer.status_code


def test_other_fields_are_named(client):
    """A field of another name is an error, not an empty answer."""
    answer = client.post("/predict", files={"file": ("r.png", RED)})

    assert 422 == answer.status_code
    assert "'files'" in answer.json()["message"]


@pytest.mark.usefixtures("_still_answers")
@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\u0000b\u0007.png", "a\ufffdb\ufffd.png"),
        ("frelon été.jpg", "frelon été.jpg"),
        ("", ""),
        ("n" * 300, "n" * 255),
    ],
)
def test_names_are_only_repeated(client, sent, answered):
    """A name is text to repeat: never a path, no control characters, not endless."""
    head = f'--B\r\nContent-Disposition: form-data; name="files"; filename="{sent}"\r\n\r\n'
    body = head.encode() + RED + b"\r\n--B--\r\n"
    answer = client.post(
        "/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=B"}
    )

    assert 200 == answer.status_code, answer.text
    assert answered == answer.json()["results"][0]["name"]


@pytest.mark.usefixtures("_still_answers")
def test_cut_form(client):
    """A form whose end is missing is refused, though its first picture is whole."""
    body = (
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="r"\r\n\r\n'
        + RED
        + b"\r\n--B\r\nCont"
    )
    answer = client.post(
        "/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=B"}
    )

    assert (422, "invalid") == (answer.status_code, answer.json()["code"])


def test_limits(serve):
    """Too many bytes, pixels or parts are refused, each where it belongs."""
    with serve(max_body_bytes=3000, max_picture_bytes=1000, max_pixels=500, max_pictures=2) as client:
        large_body = client.post("/predict", content=b"x" * 3001, headers={"Content-Type": "image/png"})
        large_raw = client.post("/predict", content=b"x" * 1001, headers={"Content-Type": "image/png"})
        parts = post(client, ("1", RED), ("2", RED), ("3", RED))
        mixed = post(client, ("long", RED + b"x" * 1000), ("good", RED))
        wide = post(client, ("wide", picture((255, 0, 0), (501, 1))), ("good", RED))

    assert [413] * 3 == [answer.status_code for answer in (large_body, large_raw, parts)]
    for answer in (mixed, wide):
        assert ["too_large", None] == [
            result["error"] and result["error"]["code"] for result in answer.json()["results"]
        ]


def test_answer_is_what_the_description_says(client):
    """An answer with everything in it fits the documented schema, key by key."""
    from hornet.serving.wire import Predictions

    answer = post(client, ("r", RED), ("no", b"x"), heatmap="grid")

    assert json.loads(
        Predictions.model_validate_json(answer.content).model_dump_json(exclude_unset=True)
    ) == (answer.json())
