"""What a server is told, once, by flags and ``HORNET_*`` variables."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIB: Final = 1024 * 1024
#: Shorter keys can be guessed by trying.
MIN_KEY_LENGTH: Final = 16
_LAST_PORT: Final = 65535
_DAY: Final = 86_400


def _setting(default: Any, says: str, *, least: float | None = None, most: float | None = None) -> Any:
    return field(default=default, metadata={"says": says, "least": least, "most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Settings of one server; each is read from ``HORNET_`` and its name in capitals.

    Raises:
        ConfigError: If a value makes no sense.
    """

    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 for all, then behind a proxy.")
    port: int = _setting(8000, "Port to listen on; 0: any free one.", least=0, most=_LAST_PORT)
    model: str | None = _setting(
        None,
        "Model file. None: the champion of the registry, taken over when it changes, else the packed one.",
    )
    watch_seconds: float = _setting(
        2.0, "How often the registry is asked for a new champion, s; 0: never.", least=0, most=_DAY
    )

    api_keys: tuple[str, ...] = _setting((), "Keys, divided by commas; none: everybody may ask.")
    rate_limit: int = _setting(
        0, "Requests that send or delete something, a minute and client; 0: no limit.", least=0
    )
    cors_origins: tuple[str, ...] = _setting((), "Origins whose pages may read answers; none: no other.")
    allowed_hosts: tuple[str, ...] = _setting((), "Host names to answer to; none: any.")
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Addresses or networks of proxies whose X-Forwarded-For is believed; none: nobody's."
    )

    collect: str | None = _setting(
        None, "Folder for pictures that people give with their answer, for training; None: nothing is kept."
    )
    collect_days: int = _setting(
        365, "Days until a collected picture is deleted; 0: never.", least=0, most=36_500
    )
    collect_pictures: int = _setting(10_000, "Most collected pictures.", least=1)
    collect_bytes: int = _setting(4096 * _MIB, "Collected pictures together, bytes.", least=1)
    report_url: str | None = _setting(None, "Where the page sends people who report a hornet; None: nowhere.")

    max_body_bytes: int = _setting(64 * _MIB, "Largest request body, bytes.", least=1)
    max_json_bytes: int = _setting(8 * _MIB, "Largest JSON part of a tensor request, bytes.", least=1)
    max_picture_bytes: int = _setting(32 * _MIB, "Largest encoded picture, bytes.", least=1)
    max_pixels: int = _setting(50_000_000, "Largest picture, width times height, px.", least=1)
    max_pictures: int = _setting(32, "Most pictures in one request.", least=1)
    max_held_bytes: int = _setting(256 * _MIB, "Bodies of all requests together, bytes.", least=1)
    max_connections: int = _setting(
        512, "Open connections; beyond it the longest idle one gives way.", least=1
    )

    drift_pictures: int = _setting(
        500,
        "Last pictures that /metrics compares with those that the model was made with.",
        least=25,
        most=100_000,
    )

    queue: int = _setting(64, "Pictures accepted and not answered yet; beyond it 503.", least=1)
    batch: int = _setting(4, "Most pictures in one run of the network.", least=1)
    workers: int = _setting(0, "Threads that decode and run the network; 0: as many as CPUs.", least=0)
    threads: int = _setting(1, "Threads of one run of the network.", least=1)

    answer_seconds: float = _setting(
        30.0, "Longest wait for an answer once the pictures are here, s.", least=0.01, most=_DAY
    )
    body_seconds: float = _setting(
        60.0, "Longest time that a request's body may take, s.", least=0.01, most=_DAY
    )
    idle_seconds: float = _setting(
        10.0, "Longest pause of a sender, also before its headers are complete, s.", least=0.01, most=_DAY
    )
    drain_seconds: float = _setting(30.0, "Longest time to finish after SIGTERM, s.", least=0, most=_DAY)

    def __post_init__(self) -> None:
        """Check every value; no file is read and nothing is made."""
        for entry in dataclasses.fields(self):
            value, least, most = getattr(self, entry.name), entry.metadata["least"], entry.metadata["most"]
            if least is not None and not (value >= least and (most is None or value <= most)):
                limit = f"from {least:g} to {most:g}" if most is not None else f"at least {least:g}"
                raise ConfigError(f"{variable(entry.name)} must be {limit}, not {value}")
        for key in self.api_keys:
            if len(key) < MIN_KEY_LENGTH or not key.isascii() or not key.isprintable() or " " in key:
                raise ConfigError(
                    f"a key in {variable('api_keys')} is shorter than {MIN_KEY_LENGTH} characters or has others "
                    "than printable ASCII ones; make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
                )
        if self.max_pictures > self.queue:
            raise ConfigError(
                f"{variable('max_pictures')} ({self.max_pictures}) is larger than {variable('queue')} "
                f"({self.queue}): such a request would never be accepted"
            )
        if self.report_url is not None and not self.report_url.startswith(("https://", "http://", "mailto:")):
            raise ConfigError(
                f"{variable('report_url')}: {self.report_url!r} is no address such as https://example.org/report"
            )
        for origin in self.cors_origins:
            if origin != "*" and "://" not in origin:
                raise ConfigError(
                    f"{variable('cors_origins')}: {origin!r} is no origin such as https://example.org"
                )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **flags: Any) -> ServeSettings:
        """Read the settings.

        Args:
            environment: Usually ``os.environ``.
            flags: Values that go before the environment's; None: not given.

        Raises:
            ConfigError: If a value can't be read or makes no sense.
        """
        kinds = typing.get_type_hints(cls)
        values = {
            entry.name: _read(variable(entry.name), text, kinds[entry.name])
            for entry in dataclasses.fields(cls)
            if (text := environment.get(variable(entry.name), "").strip())
        }
        return cls(**values | {name: value for name, value in flags.items() if value is not None})


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"HORNET_{name.upper()}"


def _read(name: str, text: str, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if typing.get_origin(kind) is types.UnionType or kind is str:
        return text
    try:
        return kind(text)
    except ValueError:
        # The value isn't repeated: it may be a secret that was put into the wrong variable.
        what = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} must be {what}") from None
