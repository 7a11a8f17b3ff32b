"""An alarm sent to an address, and what its answer means."""

from __future__ import annotations

import http.client
import random
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from hornet import __version__
from hornet.errors import ConfigError
from hornet.web import build_opener, retry_after

if TYPE_CHECKING:
    from email.message import Message

    from hornet.inference.watch.outbox import Delivery

#: Longest silence of the other side, s.
TIMEOUT_S: Final = 15.0
#: First and longest time until an alarm is sent again, s.
_FIRST_S: Final = 5.0
_LONGEST_S: Final = 15 * 60.0
#: After so long, s, an alarm is given up: nobody waits for it any more.
GIVE_UP_S: Final = 7 * 86400.0
# What may pass (RFC 9110): timeout, too early, too many requests.
_PASSING: Final = frozenset((408, 425, 429))
_DONE: Final = range(200, 300)
_SERVER: Final = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try.

    Attributes:
        kind: Taken; worth another try; or refused for good.
        reason: Why it wasn't taken; without any secret.
        wait: How long the other side asks to wait, s; None: it doesn't say.
    """

    kind: Literal["taken", "again", "refused"]
    reason: str = ""
    wait: float | None = None


def delay(tries: int, wait: float | None = None, luck: float | None = None) -> float:
    """Return how long to wait before the next try, s.

    Twice as long each time, up to a quarter of an hour, and up to a quarter longer by chance, so that many
    watchers don't come back at once.

    Args:
        tries: Tries so far, at least 1.
        wait: What the other side asks for; it is believed up to the same limit.
        luck: 0 to 1, instead of chance.
    """
    usual: float = min(_LONGEST_S, _FIRST_S * 2 ** min(tries - 1, 32))
    chance = random.random() if luck is None else luck  # noqa: S311 - no secret
    return max(usual * (1 + chance / 4), min(wait or 0.0, _LONGEST_S))


class Webhook:
    """Where alarms are sent.

    Args:
        address: http or https; a name and password in it become an ``Authorization`` header.
        form: ``multipart``: parts ``alarm`` (JSON), ``picture`` and ``heatmap`` (JPEG); ``json``: the alarm alone.
        token: Sent as ``Authorization: Bearer``; None: nothing.
        timeout: Longest silence, s.

    Attributes:
        shown: What may be said of the address: paths and queries often hold secrets.

    Raises:
        ConfigError: If it is no address.
    """

    def __init__(
        self,
        address: str,
        *,
        form: Literal["multipart", "json"] = "multipart",
        token: str | None = None,
        timeout: float = TIMEOUT_S,
    ) -> None:
        try:
            parts = urllib.parse.urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urllib.parse.urlsplit("")
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError("the webhook's address must begin with http:// or https:// and name a host")
        named = f"[{host}]" if ":" in host else host
        place = named if port is None else f"{named}:{port}"
        self.shown = f"{parts.scheme}://{place}"
        self._address = urllib.parse.urlunsplit(parts._replace(netloc=place, fragment=""))
        self._form = form
        self._timeout = timeout
        self._headers = {"User-Agent": f"hornet/{__version__}", "Accept": "*/*"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        if not (self._address.isascii() and all(value.isprintable() for value in self._headers.values())):
            raise ConfigError("the webhook's address and token must be ASCII, without line breaks")
        # Without what follows redirects: an alarm isn't carried to where somebody else points.
        self._opener = build_opener(urllib.request.HTTPHandler(), urllib.request.HTTPSHandler())

    def post(self, delivery: Delivery) -> Outcome:
        """Send an alarm once; never raises for what the network or the other side does."""
        kind, body = _multipart(delivery) if self._form == "multipart" else _json(delivery)
        headers = self._headers | {"Content-Type": kind, "Idempotency-Key": delivery.id}
        request = urllib.request.Request(self._address, body, headers, method="POST")  # noqa: S310 - checked
        try:
            with self._opener.open(request, timeout=self._timeout):
                return Outcome("taken")
        except urllib.error.HTTPError as error:
            with error:
                return _judged(error.code, error.headers)
        except TimeoutError:
            return Outcome("again", f"silent for {self._timeout:g} s")
        except urllib.error.URLError as error:
            reason = error.reason
            if isinstance(reason, TimeoutError):
                return Outcome("again", f"silent for {self._timeout:g} s")
            return Outcome("again", _reason(reason))
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Outcome("again", _reason(error))


def _judged(code: int, headers: Message) -> Outcome:
    if code in _DONE:
        return Outcome("taken")
    reason = f"answers {code} {http.client.responses.get(code, '')}".rstrip()
    if code in _PASSING or code >= _SERVER:
        return Outcome("again", reason, retry_after(headers.get("Retry-After")))
    return Outcome("refused", reason)


def _json(delivery: Delivery) -> tuple[str, bytes]:
    return "application/json", delivery.document.encode()


def _multipart(delivery: Delivery) -> tuple[str, bytes]:
    """Return content type and body (RFC 7578)."""
    parts: list[tuple[str, str, bytes]] = [
        ('name="alarm"', "application/json", delivery.document.encode()),
        *(
            (f'name="{name}"; filename="{name}.jpg"', "image/jpeg", data)
            for name, data in (("picture", delivery.picture), ("heatmap", delivery.heatmap))
            if data is not None
        ),
    ]
    # The same bytes at each try; no JPEG holds its own alarm's number.
    boundary = f"hornet-{delivery.id}"
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, kind, data in parts
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _reason(error: object) -> str:
    text = getattr(error, "strerror", None) or type(error).__name__
    return " ".join(str(text).split())
