"""What everything that asks web servers shares: no other addresses than the web's, redirects that are looked at first, waits."""

from __future__ import annotations

import email.utils
import time
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable


def build_opener(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Return an opener that asks by these handlers, through the environment's proxies.

    urllib's function of this name would add ftp, file and data addresses.

    Args:
        handlers: For http, https, redirects, and unknown kinds of addresses; what is left out isn't done.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        *handlers,
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but only to addresses that a check lets pass: urllib would go to ftp as well.

    Args:
        check: Raises what the caller is to see if an address isn't one to go to.
    """

    max_redirections = 5

    def __init__(self, check: Callable[[str], object]) -> None:
        self._check = check

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> Any:
        """Follow, and let go of the connection if that can't be done."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except BaseException:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the next request, or refuse."""
        self._check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def encode_address(parts: urllib.parse.SplitResult, *, errors: str = "strict") -> str:
    """Encode what browsers accept in an address but HTTP doesn't: accents, blanks. The fragment is left out.

    Args:
        parts: Of the address.
        errors: What is done with characters that aren't UTF-8, as of ``str.encode``.

    Raises:
        ValueError: If it can't be encoded.
    """
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~", errors=errors)
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~?", errors=errors)
    return urllib.parse.urlunsplit((parts.scheme, host, path or "/", query, ""))


def retry_after(text: str | None, now: float | None = None) -> float | None:
    """Read the header Retry-After: seconds, or a date (RFC 9110, 10.2.3).

    Args:
        text: The header, or None.
        now: Seconds since 1970; None: the clock's.

    Returns:
        Seconds to wait, at least 0; None if it doesn't say.
    """
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
    return max(0.0, moment - (time.time() if now is None else now))
