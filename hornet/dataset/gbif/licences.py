"""Which licence a picture has. Pure.

GBIF passes on what publishers wrote, mostly Creative Commons' addresses, sometimes words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What may be asked for.
KNOWN: Final = ("cc0", "cc-by", "cc-by-sa", "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd")

#: What GBIF's search can be limited to: records have no other licences.
RECORD_LICENCES: Final = {"cc0": "CC0_1_0", "cc-by": "CC_BY_4_0", "cc-by-nc": "CC_BY_NC_4_0"}

_ADDRESS: Final = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:publicdomain/(zero)|licenses/(by(?:-nc)?(?:-sa|-nd)?))/(\d\.\d)"
    r"(?:/[a-z.]*)*/?",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(
    r"(?:cc|creative commons)[-_ ]*(?:(zero|0)|(by(?:[-_ ]nc)?(?:[-_ ](?:sa|nd))?))(?:[-_ ]+(?:v\.? ?)?(\d[._]\d))?",
    re.IGNORECASE,
)


def parse_licence(text: str) -> tuple[str, str] | None:
    """Return which of :data:`KNOWN` a licence is, and its SPDX identifier.

    The whole text must say it: ``All rights reserved (not CC BY)`` is no licence.

    Returns:
        As ``("cc-by", "CC-BY-4.0")``, without a version where none is said; None for anything else.
    """
    match = _ADDRESS.fullmatch(text.strip()) or _WORDS.fullmatch(text.strip())
    if match is None:
        return None
    zero, terms, version = match.groups()
    code = "cc0" if zero else "cc-" + re.sub(r"[_ ]", "-", terms.lower())
    version = (version or ("1.0" if zero else "")).replace("_", ".")
    return code, "-".join(part for part in (code.upper(), version) if part)


def parse_wanted(text: str) -> tuple[str, ...]:
    """Read licences as they are asked for: ``cc0,cc-by``.

    Raises:
        ConfigError: If there is none, or one isn't known.
    """
    words = _parts(text)
    unknown = [word for word in words if word not in KNOWN]
    if unknown or not words:
        raise ConfigError(f"--licence {text}: name some of {', '.join(KNOWN)}, with commas between")
    return tuple(dict.fromkeys(words))


def record_filter(wanted: Iterable[str]) -> list[str]:
    """Return what GBIF's search is limited to; nothing where it can't say it."""
    codes = [RECORD_LICENCES.get(code, "") for code in wanted]
    return codes if all(codes) else []


def _parts(text: str) -> list[str]:
    return [part for part in (part.strip().lower() for part in text.split(",")) if part]
