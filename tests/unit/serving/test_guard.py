"""Keys, rates, hosts, other origins, headers, ids, logs, and no trace in any answer."""

import base64
import io
import json
import logging

import pytest
from PIL import Image

from hornet.serving import ServeSettings, create_app
from hornet.serving.clients import RateLimit
from hornet.serving.logs import JsonLines
from hornet.serving.problems import Problem

KEY = "correct-horse-battery"
RAW = {"Content-Type": "image/png"}


def png() -> bytes:
    """Return a black picture."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def with_keys(session_model, serving):
    """Return a client of a server with two keys, one other origin and one host."""
    with serving(
        model=str(session_model),
        api_keys=(KEY, "second-key-is-good"),
        cors_origins=("https://friend.example",),
        allowed_hosts=("127.0.0.1",),
    ) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY.upper()}"},
        {"Authorization": f"Bearer {KEY} {KEY}"},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"X-API-Key": ""},
        {"X-API-Key": f"{KEY},other"},
        {"X-API-Key": f"Bearer {KEY}"},
        {"X-API-Key": KEY.encode().hex()},
        {"Authorization": f"Bearer wrong-{KEY}", "X-API-Key": KEY},
        {"Authorization": f"Basic {base64.b64encode(KEY.encode()).decode()}"},
        {"Cookie": f"key={KEY}"},
    ],
)
def test_wrong_keys(with_keys, headers):
    """Every request without a good key gets the same 401, whatever it asks for."""
    answers = [
        with_keys.post("/predict", content=b"x", headers=RAW | headers),
        with_keys.post("/v2/models/hornet/infer", json={}, headers=headers),
        with_keys.get("/metrics", headers=headers),
        with_keys.get("/v2/models/hornet", headers=headers),
        with_keys.get("/nothing", headers=headers),
    ]

    assert {(401, "unauthorized", "Bearer")} == {
        (answer.status_code, answer.json()["code"], answer.headers["www-authenticate"]) for answer in answers
    }
    assert 200 == with_keys.post("/predict", content=png(), headers=RAW | {"X-API-Key": KEY}).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"X-API-Key": "second-key-is-good"},
    ],
)
def test_good_keys(with_keys, headers):
    """Any of the keys opens everything, in either header."""
    assert 422 == with_keys.post("/predict", content=b"x", headers=RAW | headers).status_code
    assert 200 == with_keys.get("/metrics", headers=headers).status_code


def test_key_in_the_address_opens_nothing(with_keys):
    """A key in the query isn't taken: addresses end up in logs."""
    assert 401 == with_keys.get(f"/metrics?key={KEY}&api_key={KEY}").status_code


def test_open_paths(with_keys):
    """Health and the description need no key, and the description says what does."""
    description = with_keys.get("/openapi.json").json()

    assert [200] * 3 == [
        with_keys.get(path).status_code for path in ("/v2/health/live", "/v2/health/ready", "/docs")
    ]
    assert [{"bearer": []}, {"header": []}] == description["paths"]["/predict"]["post"]["security"]
    assert "security" not in description["paths"]["/v2/health/live"]["get"]


def test_other_hosts(with_keys):
    """With allowed hosts set, another Host is refused before anything else, but for probes, which ask by address."""
    answer = with_keys.get("/v2", headers={"Host": "evil.example"})
    probe = with_keys.get("/v2/health/ready", headers={"Host": "10.0.0.7:8000"})

    assert (421, "wrong_host", 200) == (answer.status_code, answer.json()["code"], probe.status_code)
    assert "421" in with_keys.get("/openapi.json").json()["paths"]["/v2"]["get"]["responses"]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://friend.example", True), ("https://evil.example", False)]
)
def test_cors_when_set(with_keys, origin, allowed):
    """Only the named origin may read answers, also refusals."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    preflight = with_keys.options("/predict", headers=asked)
    refused = with_keys.post("/predict", content=b"x", headers=RAW | {"Origin": origin})

    assert allowed == (preflight.status_code == 200)
    assert [origin if allowed else None] * 2 == [
        answer.headers.get("access-control-allow-origin") for answer in (preflight, refused)
    ]


def test_cors_is_off(client):
    """Unless set, no other origin may read anything."""
    headers = {"Origin": "https://friend.example"}
    answers = [client.get("/v2/health/live", headers=headers), client.options("/predict", headers=headers)]

    assert 405 == answers[1].status_code
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/v2/health/live", "/nothing", "/docs", "/openapi.json", "/static/reference.css"]
)
def test_security_headers(client, path):
    """Every answer, also a refusal, forbids sniffing, frames, referrers and whatever it doesn't need."""
    headers = client.get(path).headers

    assert ("nosniff", "DENY", "no-referrer") == (
        headers["x-content-type-options"], headers["x-frame-options"], headers["referrer-policy"],
    )  # fmt: skip
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("same-origin", "same-origin") == (
        headers["cross-origin-opener-policy"], headers["cross-origin-resource-policy"],
    )  # fmt: skip
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("é", False)]
)
def test_request_ids(client, sent, kept):
    """A plain id is kept, any other replaced; each answer has one."""
    answer = client.get("/v2/health/live", headers={"X-Request-ID": sent.encode()})

    assert kept == (answer.headers["x-request-id"] == sent)
    assert 1 <= len(answer.headers["x-request-id"]) <= 64


def test_our_faults_tell_nothing(serve, monkeypatch, caplog):
    """A fault of ours is 500 with an id; the trace is in the log alone."""
    with serve() as client:
        monkeypatch.setattr(
            type(client.app.state.hornet.champion.current.classifier), "run", lambda *_: 1 / 0
        )
        answer = client.post("/predict", content=png(), headers=RAW | {"X-Request-ID": "find-me"})

    assert (500, "internal") == (answer.status_code, answer.json()["code"])
    assert "find-me" in answer.json()["message"]
    assert "division" not in answer.text
    assert ".py" not in answer.text
    assert any(
        record.exc_info and getattr(record, "request_id", "") == "find-me" for record in caplog.records
    )


def test_no_telemetry(session_model, monkeypatch):
    """FastAPI's own telemetry stays off, also where the environment would have it."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = create_app(ServeSettings(model=str(session_model)))

    assert not app._native_telemetry.enabled()
    assert not app._telemetry["auto_configure"]


def test_wrong_addresses(client):
    """What isn't there is 404, a wrong method 405 with the right ones, in our form."""
    missing, method = client.get("/../etc/passwd"), client.get("/predict")

    assert (404, "not_found") == (missing.status_code, missing.json()["code"])
    assert (405, "POST") == (method.status_code, method.headers["allow"])


def test_rate_limit(serve):
    """Beyond the rate, POSTs are 429 with Retry-After; health stays open."""
    with serve(rate_limit=2) as client:
        answers = [client.post("/predict", content=b"x", headers=RAW) for _ in range(3)]
        live = client.get("/v2/health/live")

    assert [422, 422, 429] == [answer.status_code for answer in answers]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert 200 == live.status_code


@pytest.mark.parametrize(("trusted", "last"), [((), 429), (("127.0.0.1",), 422)])
def test_clients_behind_a_proxy(serve, trusted, last):
    """X-Forwarded-For tells clients apart if it comes from a trusted proxy, and is ignored otherwise."""
    with serve(rate_limit=1, trusted_proxies=trusted) as client:
        statuses = [
            client.post(
                "/predict", content=b"x", headers=RAW | {"X-Forwarded-For": f"192.0.2.{number}"}
            ).status_code
            for number in (1, 2)
        ]

    assert [422, last] == statuses


def test_rate_limit_refills_evenly():
    """A client's tokens come back evenly, never above a minute's worth, and clients don't share them."""
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])

    def allowed(client="a"):
        try:
            limit.check(client)
        except Problem:
            return False
        return True

    assert [True, True, False, True] == [allowed(), allowed(), allowed(), allowed("b")]
    now[0] = 30
    assert [True, False] == [allowed(), allowed()]
    now[0] = 10_000
    assert [True, True, False] == [allowed(), allowed(), allowed()]


def test_rate_limit_forgets_the_longest_quiet():
    """Any number of clients fits into bounded memory."""
    limit = RateLimit(1, lambda: 0.0)
    for number in range(10_001):
        limit.check(str(number))

    limit.check("0")  # forgotten, so free again
    with pytest.raises(Problem):
        limit.check("10000")


def test_logs_are_json_lines_without_content(client, caplog):
    """A request's line has id, route, status, time and sizes; neither name nor address nor content."""
    with caplog.at_level(logging.INFO, logger="hornet.serving"):
        client.post(
            "/predict?threshold=0.5",
            files={"files": ("secret-name.png", png())},
            headers={"X-Request-ID": "line-1"},
        )
        # The line is written once the answer is sent: the next answer comes after it.
        client.get("/v2/health/live")

    (record,) = [entry for entry in caplog.records if getattr(entry, "request_id", "") == "line-1"]
    line = JsonLines().format(record)
    document = json.loads(line)
    assert {
        "time",
        "level",
        "event",
        "request_id",
        "method",
        "route",
        "status",
        "ms",
        "pictures",
        "bytes",
    } == set(document)
    assert ("/predict", 200, 1) == (document["route"], document["status"], document["pictures"])
    assert "secret" not in line


def test_metrics(serve):
    """Counters know requests, verdicts, failures by code, batches, the queue and the model."""
    with serve() as client:
        client.post("/predict", files=[("files", ("a", png())), ("files", ("b", b"x"))])
        client.post("/predict", content=b"x", headers={"Content-Type": "text/plain"})
        client.request("PROPFIND", "/any/thing")
        text = client.get("/metrics").text
        version = client.app.state.hornet.champion.current.version

    for line in (
        'hornet_http_requests_total{method="POST",route="/predict",status="200"} 1.0',
        'hornet_http_requests_total{method="POST",route="/predict",status="415"} 1.0',
        'hornet_http_requests_total{method="other",route="unknown",status="404"} 1.0',
        'hornet_http_request_seconds_count{route="/predict"} 2.0',
        'hornet_failures_total{code="unreadable"} 1.0',
        'hornet_failures_total{code="unsupported_media_type"} 1.0',
        'hornet_verdicts_total{label="present"} 1.0',
        "hornet_batch_pictures_count 1.0",
        "hornet_queue_pictures 0.0",
        "hornet_held_bytes 0.0",
        f'hornet_model_info{{precision="float32",version="{version}"}} 1.0',
    ):
        assert line in text.splitlines(), (line, text)
