"""What GBIF's API answers (version 1, as published under techdocs.gbif.org), and what is taken from it."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.gbif.licences import parse_licence, record_filter
from hornet.dataset.records import parse_time
from hornet.errors import ConfigError, HornetError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from hornet.dataset.gbif.web import Web

#: The public API.
BASE: Final = "https://api.gbif.org/v1"
#: GBIF's search goes no further than this; one page has at most 300.
REACH: Final = 100_000
PAGE: Final = 100
_MOST_BYTES: Final = 32 * 1024 * 1024
_RANKS: Final = ("speciesKey", "genusKey", "familyKey", "orderKey", "classKey", "phylumKey", "kingdomKey")
#: Photos of what lives; pinned insects are another sight.
_OBSERVED: Final = ("HUMAN_OBSERVATION", "MACHINE_OBSERVATION", "OBSERVATION")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d)?)?.*")


@dataclass(frozen=True, slots=True)
class Taxon:
    """What GBIF takes a name for.

    Attributes:
        asked: The name as asked for.
        name: Scientific name.
        key: GBIF's number.
        above: Keys of the taxa that it belongs to, its own among them.
    """

    asked: str
    name: str
    key: int
    above: frozenset[int]


@dataclass(frozen=True, slots=True)
class Offer:
    """A picture that may be taken.

    Attributes:
        url: Where it is.
        occurrence: GBIF's number of the observation.
        licence: SPDX identifier.
        columns: The other columns of the manifest.
    """

    url: str
    occurrence: int
    licence: str
    columns: dict[str, str]


class Api:
    """GBIF, or a mirror of it.

    Args:
        web: Asks.
        base: Address of the API, with its version.
    """

    def __init__(self, web: Web, base: str = BASE) -> None:
        self._web = web
        self._base = base.rstrip("/")

    def match(self, name: str) -> Taxon:
        """Return what GBIF takes a name for.

        Raises:
            ConfigError: If it knows none of exactly this name.
            HornetError: If it doesn't answer as published.
        """
        found = self._get("species/match", [("name", name), ("kingdom", "Animalia")])
        kind, key = found.get("matchType"), found.get("acceptedUsageKey") or found.get("usageKey")
        if kind != "EXACT" or not isinstance(key, int):
            near = found.get("scientificName")
            hint = f"; did you mean {near}?" if kind in {"FUZZY", "HIGHERRANK"} and near else ""
            raise ConfigError(
                f"GBIF knows no animal {name!r}{hint}. Write the scientific name, as in 'Vespa velutina'."
            )
        above = {found[rank] for rank in _RANKS if isinstance(found.get(rank), int)}
        return Taxon(name, str(found.get("scientificName") or name), key, frozenset({*above, key}))

    def search(
        self, taxon: Taxon, licences: Sequence[str], *, specimens: bool, offset: int, limit: int
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return how many observations with pictures there are, and one page of them.

        Raises:
            HornetError: If GBIF doesn't answer as published.
        """
        query = [("taxonKey", str(taxon.key)), ("mediaType", "StillImage"), ("occurrenceStatus", "PRESENT")]
        query += [("license", code) for code in record_filter(licences)]
        if not specimens:
            query += [("basisOfRecord", basis) for basis in _OBSERVED]
        query += [("offset", str(offset)), ("limit", str(limit))]
        found = self._get("occurrence/search", query)
        count, results = found.get("count"), found.get("results")
        if not isinstance(count, int) or not isinstance(results, list):
            raise HornetError(
                f"{self._base}/occurrence/search doesn't answer as GBIF does: no count, or no results"
            )
        return count, [one for one in results if isinstance(one, dict)]

    def _get(self, path: str, query: list[tuple[str, str]]) -> dict[str, Any]:
        address = f"{self._base}/{path}?{urllib.parse.urlencode(query)}"
        data = self._web.get(address, most=_MOST_BYTES, accept="application/json")
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise HornetError(
                f"{self._base}/{path} doesn't answer as GBIF does: no JSON object; is it the right address?"
            )
        return found


def page_offsets(count: int, page: int = PAGE) -> Iterator[int]:
    """Yield where pages begin, spread over all there are: the first few already come from everywhere.

    Neighbours in GBIF's answers are often of one day and one person. The order is van der Corput's: 0, 1/2, 1/4, 3/4,
    1/8, ...; each page comes once.

    Args:
        count: Observations.
        page: Observations a page.
    """
    pages = -(-min(count, REACH) // page)
    bits = max(pages - 1, 0).bit_length()
    for number in range(1 << bits):
        at = int(f"{number:0{bits}b}"[::-1], 2) if bits else 0
        if at < pages:
            yield at * page


def offers(
    record: dict[str, Any],
    wanted: Sequence[str],
    *,
    refused: Counter[str],
    avoid: frozenset[int] = frozenset(),
    species_only: bool = False,
) -> list[Offer]:
    """Return the pictures of an observation that may be taken.

    A picture's own licence counts: it is often stricter than the record's, so one that says none is refused.

    Args:
        record: As GBIF's search gives it.
        wanted: Licences, as :data:`hornet.dataset.gbif.licences.KNOWN` names them.
        refused: Counts why others may not: ``taxon``, ``licence``, ``no licence``, ``no picture``.
        avoid: Taxa that it must not belong to.
        species_only: Whether it must be known to the species: with only a genus it might belong to one to avoid.
    """
    key = record.get("key")
    media = record.get("media")
    if not isinstance(key, int) or not isinstance(media, list):
        refused["no picture"] += 1
        return []
    keys = {record.get(name) for name in (*_RANKS, "taxonKey", "acceptedTaxonKey")}
    if keys & avoid or (species_only and not record.get("speciesKey")):
        refused["taxon"] += 1
        return []
    found = []
    for item in media:
        if not isinstance(item, dict):
            continue
        url = _text(item, "identifier")
        kind = _text(item, "format").lower()
        if (
            _text(item, "type") not in {"StillImage", ""}
            or not url
            or (kind and not kind.startswith("image/"))
        ):
            refused["no picture"] += 1
            continue
        licence = parse_licence(_text(item, "license"))
        if licence is None or licence[0] not in wanted:
            refused["licence" if _text(item, "license") else "no licence"] += 1
            continue
        found.append(Offer(url, key, licence[1], _columns(record, item)))
    return found


def _columns(record: dict[str, Any], item: dict[str, Any]) -> dict[str, str]:
    return {
        "species": _text(record, "species")
        or _text(record, "acceptedScientificName")
        or _text(record, "scientificName"),
        "captured_at": captured_at(_text(record, "eventDate")),
        "rights_holder": _text(item, "rightsHolder")
        or _text(item, "creator")
        or _text(record, "rightsHolder"),
        "licence_url": _text(item, "license"),
        "references": _text(item, "references") or _text(record, "references"),
        "publisher": _text(item, "publisher")
        or _text(record, "datasetName")
        or _text(record, "institutionCode"),
        "dataset": _text(record, "datasetKey"),
    }


def captured_at(text: str) -> str:
    """Return GBIF's ``eventDate`` as a manifest has it: a day, with the time of day if it is known; else nothing.

    Of an interval the beginning counts if it ends on the same day. Zones are left out: the clock of the place counts.
    """
    begin, _, end = text.partition("/")
    match = _MOMENT.fullmatch(begin.strip())
    if match is None or (end and not end.startswith(match[1])):
        return ""
    moment = match[1] + (f"T{match[2]}{match[3] or ':00'}" if match[2] else "")
    try:
        parse_time(moment)
    except ValueError:
        return ""
    return match[1] if moment.endswith("T00:00:00") else moment


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""
