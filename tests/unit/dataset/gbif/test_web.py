"""Polite HTTP, and what isn't asked at all."""

import socket

import pytest

from hornet.dataset.gbif.addresses import AddressRefused, Guard, is_public
from hornet.dataset.gbif.web import Web, WebError

PICTURE = "/photos/1-0.jpeg"


@pytest.fixture
def get(web, gbif):
    gbif.pictures[PICTURE] = b"a picture"
    return lambda path=PICTURE, most=1000: web.get(gbif.root + path, most=most, accept="image/*")


def test_busy_servers_are_asked_again(get, gbif, waits):
    """After 429 and 5xx it waits as long as the server says, else longer and longer, and gets the answer."""
    gbif.trick(PICTURE, (429, {"Retry-After": "7"}, b""), (503, {}, b""), (500, {}, b""))

    assert b"a picture" == get()
    assert 7.0 == waits[0]
    assert 2 <= waits[1] <= 3
    assert 4 <= waits[2] <= 6
    assert {"hornet-detector/test"} == gbif.agents


def test_patience_ends(get, gbif, waits):
    """A server that stays busy, or wants to be left alone for an hour, isn't asked for ever, nor called dead."""
    gbif.trick(PICTURE, *[(503, {"Retry-After": "0"}, b"")] * 9)
    with pytest.raises(WebError) as busy:
        get()
    asked = gbif.asked[PICTURE]
    gbif.trick(PICTURE, (429, {"Retry-After": "3600"}, b""))
    with pytest.raises(WebError) as later:
        get()

    assert ("busy", False, 5) == (busy.value.code, busy.value.lasting, asked)
    assert ("busy", False, 6) == (later.value.code, later.value.lasting, gbif.asked[PICTURE])
    assert 3600 not in waits


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((404, {}, b""), "gone"),
        ((410, {}, b""), "gone"),
        ((403, {}, b""), "refused"),
        ((200, {}, bytes(1001)), "too_large"),
        ((200, {"Content-Length": "99999"}, b""), "too_large"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "refused"),
        ((302, {"Location": "ftp://127.0.0.1/a.jpg"}, b""), "address"),
        ((302, {"Location": "http://user:secret@127.0.0.1/a.jpg"}, b""), "address"),
        ((302, {"Location": "http://[::1"}, b""), "address"),
    ],
)
def test_answers_that_wont_change(get, gbif, answer, code):
    """What is gone, refused, too large or leads elsewhere is told at once, and asked once."""
    gbif.trick(PICTURE, answer)
    with pytest.raises(WebError) as caught:
        get()

    assert (code, True, 1) == (caught.value.code, caught.value.lasting, gbif.asked[PICTURE])


def test_an_answer_that_breaks_off(get, gbif):
    """Half an answer is asked for again, not kept."""
    gbif.trick(PICTURE, (201, {"Content-Length": "500"}, b"half"))

    assert b"a picture" == get()
    assert 2 == gbif.asked[PICTURE]


def test_redirects_are_followed_and_end(get, gbif):
    """A redirect to a picture gives it; a circle is told."""
    gbif.trick("/moved.jpeg", (302, {"Location": gbif.root + PICTURE}, b""))
    gbif.trick("/circle.jpeg", (302, {"Location": "/circle.jpeg"}, b""))

    assert b"a picture" == get("/moved.jpeg")
    with pytest.raises(WebError):
        get("/circle.jpeg")


def test_private_addresses_are_refused(gbif, waits):
    """Where the named server is a public one, neither a link nor a redirect reaches a machine of a private network."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        port = inside.getsockname()[1]
        named = gbif.server.server_address[1]
        guarded = Web(Guard(("127.0.0.1", named), private=False), rate=1e6, agent="x", sleep=waits.append)
        gbif.trick("/moved.jpeg", (302, {"Location": f"http://127.0.0.1:{port}/secret"}, b""))
        gbif.pictures[PICTURE] = b"a picture"
        for address in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", gbif.root + "/moved.jpeg"):
            with pytest.raises(WebError, match="private network") as caught:
                guarded.get(address, most=10, accept="image/*")

            assert ("address", True) == (caught.value.code, caught.value.lasting)
        with pytest.raises(TimeoutError):
            inside.accept()

    assert b"a picture" == guarded.get(gbif.root + PICTURE, most=10, accept="image/*")


def test_https_goes_the_same_way(gbif, waits):
    """An https link is guarded like any other; what doesn't speak it is asked again, and isn't dead for good."""
    secure = gbif.root.replace("http:", "https:")
    open_one = Web(Guard.of(gbif.base), rate=1e6, agent="x", sleep=waits.append)
    guarded = Web(Guard(("api.gbif.org", 443), private=False), rate=1e6, agent="x", sleep=waits.append)
    with pytest.raises(WebError) as spoken:
        open_one.get(secure + PICTURE, most=10, accept="image/*")
    with pytest.raises(WebError) as refused:
        guarded.get(secure + PICTURE, most=10, accept="image/*")

    assert ("unreachable", False, 4) == (spoken.value.code, spoken.value.lasting, len(waits))
    assert ("address", True) == (refused.value.code, refused.value.lasting)


def test_behind_a_proxy_numbers_are_checked(monkeypatch, gbif, waits):
    """A proxy may be anywhere and looks names up itself; private addresses in numbers still aren't asked for."""
    monkeypatch.setenv("http_proxy", gbif.root)
    monkeypatch.delenv("no_proxy", raising=False)
    guarded = Web(Guard(("api.gbif.org", 443), private=False), rate=1e6, agent="x", sleep=waits.append)
    gbif.pictures["/a.jpeg"] = b"by proxy"

    assert b"by proxy" == guarded.get("http://pictures.example/a.jpeg", most=10, accept="image/*")
    for host in ("10.0.0.1", "127.0.0.1", "localhost", "[::1]"):
        with pytest.raises(WebError, match="private network"):
            guarded.get(f"http://{host}/a.jpeg", most=10, accept="image/*")


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
    ],
)
def test_which_addresses_are_public(ip, public):
    """Loopback, private, link-local, shared and multicast ones aren't, also in IPv6's clothes."""
    assert public is is_public(ip)


def test_only_loopback_opens_the_private_network():
    """A server on this machine may point to others like it; a public one may not; what is no address is refused."""
    assert Guard.of("http://localhost:8080/v1").private
    assert Guard.of("http://127.0.0.1:8080/v1").private
    assert not Guard.of("https://api.gbif.org/v1").private
    assert ("api.gbif.org", 443) == Guard.of("https://api.gbif.org/v1").named
    for address in ("api.gbif.org", "ftp://api.gbif.org", "http://", "http://a:99999"):
        with pytest.raises(AddressRefused):
            Guard.of(address)


def test_so_many_a_second(gbif):
    """Between two requests lies the pause that the rate asks for."""
    now, waits = [100.0], []

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    web = Web(Guard.of(gbif.base), rate=2, agent="x", sleep=sleep, clock=lambda: now[0])
    gbif.pictures[PICTURE] = b"x"
    for _ in range(3):
        web.get(gbif.root + PICTURE, most=10, accept="*/*")

    assert [0.5, 0.5] == waits
