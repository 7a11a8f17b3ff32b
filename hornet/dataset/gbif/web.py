"""Polite HTTP: slowly, by name, patient with servers that are busy, and within limits."""

from __future__ import annotations

import http.client
import math
import random
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.gbif.addresses import AddressRefused, split_address
from hornet.errors import HornetError, reason_of
from hornet.web import CheckedRedirects, build_opener, encode_address, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.dataset.gbif.addresses import Guard

_CHUNK: Final = 64 * 1024
#: What a server says when it may answer later.
_BUSY: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_TRIES: Final = 5
_LONGEST_WAIT: Final = 300.0  # s; a server that asks for more is left alone
_FIRST_WAIT: Final = 1.0  # s, doubled with every try


class WebError(HornetError):
    """No answer.

    Args:
        code: Stable name: ``gone``, ``refused``, ``busy``, ``unreachable``, ``address``, ``too_large``.
        message: What is wrong.
        lasting: Whether asking again would be of no use.
    """

    def __init__(self, code: str, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.code = code
        self.lasting = lasting


class _BusyNow(Exception):
    """A server may answer later; ``after``: in how many seconds, if it says so."""

    def __init__(self, error: WebError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Web:
    """Asks one address after the other.

    Args:
        guard: Which machines may be asked.
        rate: Most requests a second, all together.
        agent: How it introduces itself.
        timeout: Longest silence, s.
        deadline: Longest time for one answer, s.
        sleep: Waits.
        clock: Tells seconds.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        rate: float,
        agent: str,
        timeout: float = 30.0,
        deadline: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause = 1 / rate
        self._timeout = timeout
        self._deadline = deadline
        self._sleep = sleep
        self._clock = clock
        self._last = -math.inf
        context = ssl.create_default_context()
        self._opener = build_opener(
            urllib.request.UnknownHandler(),
            _Http(guard),
            _Https(guard, context),
            CheckedRedirects(split_address),
        )
        self._opener.addheaders = [("User-Agent", agent)]

    def get(self, address: str, *, most: int, accept: str) -> bytes:
        """Return what an address answers; waits and asks again while the server is busy.

        Args:
            address: http or https.
            most: Most bytes.
            accept: Media types, for the header.

        Raises:
            WebError: If there is no answer.
        """
        for attempt in range(_TRIES):
            wait = self._last + self._pause - self._clock()
            if wait > 0:
                self._sleep(wait)
            self._last = self._clock()
            try:
                return self._get(address, most, accept)
            except _BusyNow as busy:
                # Spread out, so that many clients don't come back at once. Nothing secret.
                backoff = _FIRST_WAIT * 2**attempt * random.uniform(1, 1.5)  # noqa: S311
                after = backoff if busy.after is None else busy.after
                if attempt == _TRIES - 1 or after > _LONGEST_WAIT:
                    raise busy.error from None
                self._sleep(after)
        raise AssertionError  # the last try returns or raises

    def _get(self, address: str, most: int, accept: str) -> bytes:
        try:
            return self._read(_ascii(address), most, accept)
        except AddressRefused as error:
            raise WebError("address", str(error), lasting=True) from None
        except urllib.error.HTTPError as error:
            error.close()
            raise _refusal(error) from None
        except urllib.error.URLError as error:
            reason: Any = error.reason
            if isinstance(reason, AddressRefused):
                raise WebError("address", str(reason), lasting=True) from None
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise WebError(
                    "unreachable", f"its certificate is wrong: {reason_of(reason)}", lasting=True
                ) from None
            raise _BusyNow(WebError("unreachable", reason_of(reason), lasting=False)) from None
        except (OSError, http.client.HTTPException) as error:
            raise _BusyNow(WebError("unreachable", reason_of(error), lasting=False)) from None
        except ValueError as error:  # an address or a header that is none
            raise WebError("address", reason_of(error), lasting=True) from None

    def _read(self, address: str, most: int, accept: str) -> bytes:
        request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310 - checked by _ascii
        end = self._clock() + self._deadline
        with self._opener.open(request, timeout=self._timeout) as response:
            announced = int(response.headers.get("Content-Length") or 0)
            data = bytearray()
            while announced <= most and (chunk := response.read1(_CHUNK)):
                data += chunk
                if len(data) > most:
                    break
                if self._clock() > end:
                    raise _BusyNow(
                        WebError("unreachable", f"takes longer than {self._deadline:g} s", lasting=False)
                    )
        if max(announced, len(data)) > most:
            raise WebError("too_large", f"more than {most:,} bytes", lasting=True)
        if len(data) < announced:
            message = f"the answer broke off after {len(data):,} of {announced:,} bytes"
            raise _BusyNow(WebError("unreachable", message, lasting=False))
        return bytes(data)


def _refusal(error: urllib.error.HTTPError) -> Exception:
    said = f"the server answers {error.code} {reason_of(error.reason)}".strip()
    if error.code in _BUSY:
        return _BusyNow(WebError("busy", said, lasting=False), retry_after(error.headers.get("Retry-After")))
    gone = error.code in {404, 410}
    return WebError("gone" if gone else "refused", said, lasting=True)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connections(http.client.HTTPConnection, self._guard, req), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, guard: Guard, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._guard = guard
        self._trust = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        make = _connections(http.client.HTTPSConnection, self._guard, req)
        return self.do_open(make, req, context=self._trust)


def _connections(
    kind: type[http.client.HTTPConnection], guard: Guard, request: urllib.request.Request
) -> Callable[..., http.client.HTTPConnection]:
    """Return what makes a connection that asks the guard first."""
    tunnelled = getattr(request, "_tunnel_host", None)

    def make(host: str, **options: Any) -> http.client.HTTPConnection:
        connection = kind(host, **options)
        if request.has_proxy() or tunnelled:  # the proxy looks up the name, and the proxy may be anywhere
            parts = split_address(request.full_url)
            guard.check_literal(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        else:
            connection._create_connection = guard.connect  # type: ignore[attr-defined]  # noqa: SLF001
        return connection

    return make


def _ascii(address: str) -> str:
    """Check an address, and encode it."""
    return encode_address(split_address(address.strip()))
