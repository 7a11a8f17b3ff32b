"""Which machines may be asked: records come from anybody, and may name addresses inside somebody's network."""

from __future__ import annotations

import ipaddress
import socket
import urllib.parse
from dataclasses import dataclass
from typing import Final

from hornet.errors import HornetError

_PORTS: Final = {"http": 80, "https": 443}


class AddressRefused(HornetError):
    """An address that isn't on the public internet, or is none of the web."""

    code = "address"


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets connections through to public addresses, and to the one machine that the user named.

    Attributes:
        named: Host and port that may be anywhere: the user chose it.
        private: Whether private addresses may be asked, too: where the named one is this machine itself.
    """

    named: tuple[str, int]
    private: bool

    @classmethod
    def of(cls, base: str) -> Guard:
        """Return the guard of a run that asks ``base``.

        Raises:
            AddressRefused: If it is no http(s) address.
        """
        parts = split_address(base)
        host = parts.hostname or ""
        try:
            own = ipaddress.ip_address(host).is_loopback
        except ValueError:
            own = host == "localhost"
        return cls((host, parts.port or _PORTS[parts.scheme]), own)

    def connect(
        self,
        address: tuple[str, int],
        timeout: float | None = None,
        source_address: tuple[str, int] | None = None,
    ) -> socket.socket:
        """Connect as ``socket.create_connection`` does, but only to what may be asked.

        The address that was checked is the one that is connected to: a name can't mean another one a moment later.

        Raises:
            AddressRefused: If the name has no other address than private ones.
            OSError: If there is no connection.
        """
        host, port = address
        found = dict.fromkeys(
            entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        allowed = [str(ip) for ip in found if self.private or address == self.named or is_public(str(ip))]
        if not allowed:
            raise AddressRefused(f"{host} is a machine of a private network")
        last: OSError | None = None
        for ip in allowed:
            try:
                return socket.create_connection((ip, port), timeout, source_address)
            except OSError as error:
                last = error
        assert last is not None
        raise last

    def check_literal(self, host: str, port: int) -> None:
        """Refuse a private address that is written as numbers: all that can be told where a proxy connects.

        Raises:
            AddressRefused: If it is one.
        """
        try:
            public = is_public(host)
        except ValueError:
            public = host != "localhost" and not host.endswith(".localhost")
        if not (public or self.private or (host, port) == self.named):
            raise AddressRefused(f"{host} is a machine of a private network")


def is_public(ip: str) -> bool:
    """Tell whether an address is on the public internet; ValueError if it is none."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_global and not address.is_multicast


def split_address(address: str) -> urllib.parse.SplitResult:
    """Return the parts of an http(s) address.

    Raises:
        AddressRefused: If it is none.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        good = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        good = False
    if not good or parts.username or parts.password:
        raise AddressRefused(f"{address[:200]!r} is no http(s) address")
    return parts
