"""Pictures from http(s) addresses, with limits on time and bytes."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

from hornet import __version__
from hornet.errors import (
    ImageError,
    ImageMissing,
    ImageTooLarge,
    ImageUnreadable,
    ImageUnsupported,
    reason_of,
)
from hornet.images import Limits
from hornet.web import CheckedRedirects, build_opener, encode_address

_CHUNK: Final = 64 * 1024
_GONE: Final = frozenset((404, 410))


class Fetcher:
    """Fetches pictures; safe to share between threads. Proxies are those of the environment.

    Args:
        limits: Largest picture that is fetched.
        timeout: Longest silence of a server, s.
        deadline: Longest time for one picture, s: a server that trickles can't hold a run up.
    """

    def __init__(
        self, limits: Limits | None = None, *, timeout: float = 30.0, deadline: float = 300.0
    ) -> None:
        self._max_bytes = (limits or Limits()).max_bytes
        self._timeout = timeout
        self._deadline = deadline
        self._opener = build_opener(
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            CheckedRedirects(_check_redirect),
        )
        self._opener.addheaders = [("User-Agent", f"hornet/{__version__}"), ("Accept", "image/*,*/*;q=0.1")]

    def fetch(self, address: str) -> bytes:
        """Return what an http(s) address answers.

        Raises:
            ImageMissing: If the server says that there is nothing (404, 410).
            ImageTooLarge: If the answer has more bytes than allowed.
            ImageUnsupported: If the address, or one it redirects to, is neither http nor https.
            ImageUnreadable: If there is no answer, a refusal, or an answer that breaks off.
        """
        try:
            return self._fetch(_ascii(address))
        except ImageError:
            raise
        except urllib.error.HTTPError as error:
            error.close()
            kind = ImageMissing if error.code in _GONE else ImageUnreadable
            raise kind(f"the server answers {error.code} {reason_of(error.reason)}") from None
        except urllib.error.URLError as error:
            raise ImageUnreadable(f"can't be fetched: {reason_of(error.reason)}") from None
        except TimeoutError:
            raise ImageUnreadable(f"the server was silent for {self._timeout:g} s; try again later") from None
        # ValueError: an address that is none; HTTPException: an answer that isn't HTTP, or breaks off.
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ImageUnreadable(f"can't be fetched: {reason_of(error)}") from None

    def _fetch(self, address: str) -> bytes:
        if urllib.parse.urlsplit(address).scheme not in {"http", "https"}:
            raise ImageUnsupported("only http:// and https:// addresses can be read")
        end = time.monotonic() + self._deadline
        with self._opener.open(address, timeout=self._timeout) as response:
            announced = int(response.headers.get("Content-Length") or 0)
            self._check(announced)
            data = bytearray()
            while chunk := response.read1(_CHUNK):
                data += chunk
                self._check(len(data))
                if time.monotonic() > end:
                    raise ImageUnreadable(f"takes longer than {self._deadline:g} s; try again later")
            if len(data) < announced:
                raise ImageUnreadable(f"the answer broke off after {len(data):,} of {announced:,} bytes")
            return bytes(data)

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise ImageTooLarge(f"larger than {self._max_bytes:,} bytes; make it smaller")


def _check_redirect(address: str) -> None:
    if urllib.parse.urlsplit(address).scheme.lower() not in {"http", "https"}:
        raise ImageUnsupported("the server redirects to something that is no http(s) address")


def _ascii(address: str) -> str:
    return encode_address(urllib.parse.urlsplit(address), errors="surrogateescape")
