"""The page's door: who is let in, and what is taken."""

import asyncio
import errno
import json

import httpx
import pytest

from hornet.review.app import create_review

TOKEN = "correct-horse-battery"
PORT = 8123
HOST = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def ended():
    return []


@pytest.fixture
def session(begin):
    return begin()


@pytest.fixture
def ask(session, ended):
    """Return a function that sends one request to a page over the four pictures."""
    app = create_review(session, TOKEN, PORT, lambda: ended.append(True))

    def send(path, *, method="GET", host=HOST, body=None, token=TOKEN, **headers):
        async def run():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=host) as client:
                content = json.dumps(body) if not isinstance(body, bytes) else body
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                if method == "POST":
                    given = {"content-type": "application/json"} | given
                return await client.request(method, f"/{token}{path}", content=content, headers=given)

        return asyncio.run(run())

    return send


def test_the_page_and_all_its_files(ask):
    """Whatever the page asks for is there, under a policy that lets nothing else in, and is never cached."""
    page = ask("/")
    named = [part.split('"')[0] for part in page.text.split('="static/')[1:]]
    scripts = ["words.js", "card.js", "english.js", "french.js"]

    assert {"page.css", "review.css", "review.js", "icon.svg"} == set(named)
    assert {200} == {ask(f"/static/{name}").status_code for name in [*named, *scripts]}
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert ("no-store", "nosniff") == (page.headers["cache-control"], page.headers["x-content-type-options"])
    assert "*" not in page.headers.get("access-control-allow-origin", "")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"token": "wrong"}, 404, "not_found"),
        ({"token": ""}, 404, "not_found"),
        ({"token": TOKEN + "x"}, 404, "not_found"),
        ({"host": "http://127.0.0.1:8000"}, 421, "wrong_host"),
        ({"host": f"http://rebound.example:{PORT}"}, 421, "wrong_host"),
        ({"origin": "http://evil.example"}, 403, "forbidden"),
        ({"origin": "null"}, 403, "forbidden"),
        ({"sec_fetch_site": "cross-site"}, 403, "forbidden"),
        ({"sec_fetch_site": "same-site"}, 403, "forbidden"),
        ({"content_type": "text/plain"}, 403, "forbidden"),
        ({"body": {"answer": "maybe"}}, 422, "invalid"),
        ({"body": ["present"]}, 422, "invalid"),
        ({"body": b"{"}, 422, "invalid"),
        ({"body": b'"' + bytes(1000)}, 413, "too_large"),
    ],
)
def test_nobody_else_answers(ask, session, change, status, code):
    """A wrong token, host, origin or body changes nothing and gets a code."""
    answer = ask("/api/pictures/0", **{"method": "POST", "body": {"answer": "present"}} | change)

    assert (status, code) == (answer.status_code, answer.json()["code"])
    assert 0 == len(session.answers)


def test_an_answer_and_back(ask):
    """An answer is taken from the page's own origin; the state tells it; null takes it back."""
    given = ask(
        "/api/pictures/1",
        method="POST",
        body={"answer": "present"},
        origin=HOST,
        sec_fetch_site="same-origin",
    )
    labels = ask("/api/state").json()["labels"]
    taken = ask("/api/pictures/1", method="POST", body={"answer": None}, host=f"http://localhost:{PORT}")

    assert {"before": None, "label": "present"} == given.json()
    assert [None, "present", None, None] == labels
    assert {"before": "present", "label": None} == taken.json()


def test_what_isnt_there(ask, folder):
    """An unknown picture is not found; one that is gone says so; a path leads nowhere else."""
    name = ask("/api/pictures/0").json()["name"].rpartition("/")[2]
    (folder / name).unlink()

    assert (404, 404) == (ask("/pictures/4").status_code, ask("/pictures/../out.csv").status_code)
    assert (410, "missing") == (ask("/pictures/0").status_code, ask("/pictures/0").json()["code"])
    assert 410 == ask("/api/pictures/0", method="POST", body={"answer": "present"}).status_code


def test_a_full_disk(ask, monkeypatch):
    """An answer that can't be written is said not to be kept, and isn't."""
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("hornet.review.answers.write_manifest", lambda *_: (_ for _ in ()).throw(full))
    answer = ask("/api/pictures/0", method="POST", body={"answer": "present"})

    assert (507, "full") == (answer.status_code, answer.json()["code"])
    assert "No space left" in answer.json()["message"]
    assert None is ask("/api/pictures/0").json()["label"]


def test_done(ask, ended):
    """The person ends it, by a request that changes something; a look doesn't."""
    looked = ask("/api/finish").status_code
    assert [] == ended
    ask("/api/finish", method="POST", body={})

    assert 405 == looked
    assert [True] == ended
