"""Who may ask, and how often."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from hornet.serving.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Clients whose recent requests are remembered; beyond it the longest quiet one is forgotten.
_REMEMBERED: Final = 10_000
_MINUTE: Final = 60.0


class Keys:
    """Checks API keys.

    Args:
        keys: The good ones; none: everybody may ask.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [_digest(key.encode()) for key in keys]

    def check(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Let a request pass or not.

        Args:
            headers: Lower-case names. The key is in ``Authorization: Bearer`` or ``X-API-Key``.

        Returns:
            What stands for the key in the rate limit; None where no keys are needed.

        Raises:
            Problem: ``unauthorized``, the same for a missing and a wrong key.
        """
        if not self._digests:
            return None
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        sent = bearer.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        digest = _digest(sent)
        # Every key is compared, and digests have one length: time tells nothing about which was nearly right.
        good = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(good):
            raise Problem(
                "unauthorized",
                "send a key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return digest.hex()


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


class RateLimit:
    """A bucket of tokens for each client: a minute's worth at once, refilled evenly.

    Args:
        a_minute: Requests; 0: no limit.
        clock: Seconds that never go back.
    """

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._most = float(a_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> tokens, when

    def check(self, client: str) -> None:
        """Count one request; raises a ``rate_limited`` Problem if it is one too many."""
        if not self._most:
            return
        now = self._clock()
        tokens, when = self._left.pop(client, (self._most, now))
        tokens = min(self._most, tokens + (now - when) * self._most / _MINUTE)
        allowed = tokens >= 1
        self._left[client] = (tokens - allowed, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - tokens) * _MINUTE / self._most)
            raise Problem(
                "rate_limited",
                f"at most {self._most:g} requests a minute; come back in {wait} s",
                headers={"Retry-After": str(wait)},
            )
