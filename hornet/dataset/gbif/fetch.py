"""Fetches pictures into a folder with a manifest: balanced, resumable, each one checked.

A picture is on disk, whole and under a name made from its address, before its row is written; one that has no row yet
is taken from the disk. So a run that was killed anywhere goes on without fetching anything twice.
"""

from __future__ import annotations

import hashlib
import re
import time
import urllib.parse
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hornet.dataset.gbif.api import PAGE, offers, page_offsets
from hornet.dataset.gbif.web import WebError
from hornet.dataset.labels import LABELS
from hornet.dataset.records import Record
from hornet.decoders import open_header
from hornet.errors import ConfigError, HornetError, ImageError
from hornet.files import write_atomically
from hornet.images import Limits, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hornet.dataset.gbif.api import Api, Offer, Taxon
    from hornet.dataset.gbif.ledger import Ledger
    from hornet.dataset.gbif.web import Web

#: What the manifest says of where these pictures are from.
SOURCE: Final = "gbif"
#: Shorter pictures show no insect that anybody could name, px.
SMALLEST: Final = 64

_SUFFIX: Final = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIF": ".heic",
}
_MOST_PIXELS: Final = 100_000_000
_SAVE_SECONDS: Final = 2.0  # between two manifests
_PATIENCE: Final = 3  # failures of a host, one after the other, until it is left alone


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Attributes:
        present: Names of taxa with the label present.
        absent: Names of taxa with the label absent.
        per_class: Pictures of each label.
        licences: As :data:`hornet.dataset.gbif.licences.KNOWN` names them.
        per_observation: Most pictures of one observation.
        specimens: Whether those of collections are wanted, too.
        most_bytes: Largest picture.
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]
    per_class: int
    licences: tuple[str, ...]
    per_observation: int = 1
    specimens: bool = False
    most_bytes: int = 32 * 1024 * 1024


@dataclass(slots=True)
class Supply:
    """A taxon, and what is known of it so far.

    Attributes:
        taxon: As GBIF knows it.
        label: Class number.
        kept: Pictures that are there.
        found: Observations with pictures under records' licences that were asked for; None: not asked yet.
        refused: Why pictures weren't taken.
        species_only: Whether only observations that are known to the species are taken.
    """

    taxon: Taxon
    label: int
    kept: int = 0
    found: int | None = None
    refused: Counter[str] = field(default_factory=Counter)
    species_only: bool = False


def look_up(api: Api, wish: Wish) -> list[Supply]:
    """Ask GBIF what the names mean.

    Raises:
        ConfigError: If one isn't known, is there twice, or is both present and absent.
    """
    present = [api.match(name) for name in wish.present]
    absent = [api.match(name) for name in wish.absent]
    keys = [taxon.key for taxon in (*present, *absent)]
    twice = {taxon.asked for taxon in (*present, *absent) if keys.count(taxon.key) > 1}
    if twice:
        raise ConfigError(f"{', '.join(sorted(twice))}: the same taxon twice. Name each once.")
    wanted = frozenset(taxon.key for taxon in present)
    for taxon in absent:
        if taxon.above & wanted:
            raise ConfigError(f"{taxon.asked} belongs to what is present: it can't be absent")
    above = frozenset().union(*(taxon.above for taxon in present))
    supplies = [Supply(taxon, 1) for taxon in present]
    return supplies + [Supply(taxon, 0, species_only=taxon.key in above) for taxon in absent]


def count(api: Api, wish: Wish, supplies: list[Supply]) -> None:
    """Ask how many observations there are of each taxon, and fetch nothing."""
    for supply in supplies:
        supply.found, _ = api.search(supply.taxon, wish.licences, specimens=wish.specimens, offset=0, limit=0)


class Fetching:
    """One run into one folder.

    Args:
        api: GBIF.
        web: Fetches pictures.
        ledger: The folder's manifest and dead links.
        wish: What is wanted.
        live: Told how far it is.
    """

    def __init__(self, api: Api, web: Web, ledger: Ledger, wish: Wish, live: Callable[[str], None]) -> None:
        self._api = api
        self._web = web
        self._ledger = ledger
        self._wish = wish
        self._live = live
        self._avoid: frozenset[int] = frozenset()
        self._failures: defaultdict[str, int] = defaultdict(int)
        self._saved = time.monotonic()

    def run(self, supplies: list[Supply]) -> None:
        """Fetch until each label has its pictures, or there are no more.

        Every picture goes to the taxon that has the fewest, so that taxa are balanced as far as GBIF has them.

        Raises:
            HornetError: If GBIF doesn't answer, or the disk is full. What is there is kept.
        """
        self._avoid = frozenset(supply.taxon.key for supply in supplies if supply.label)
        try:
            for label in (1, 0):
                self._fill([supply for supply in supplies if supply.label == label])
        except WebError as error:
            raise HornetError(f"GBIF can't be asked: {error}. The same command goes on from here.") from None
        except OSError as error:
            raise HornetError(f"can't write below {self._ledger.folder}: {error.strerror or error}") from None
        finally:
            self._ledger.save()

    def _fill(self, supplies: list[Supply]) -> None:
        streams = {supply.taxon.key: self._offers(supply) for supply in supplies}
        for supply in supplies:
            supply.kept = self._ledger.kept(supply.label, supply.taxon.asked)
        open_ones = list(supplies)
        while open_ones and sum(supply.kept for supply in supplies) < self._wish.per_class:
            supply = min(open_ones, key=lambda one: one.kept)
            offer = next(streams[supply.taxon.key], None)
            if offer is None:
                open_ones.remove(supply)
            elif self._take(supply, offer):
                supply.kept += 1
            total = sum(one.kept for one in supplies)
            self._live(
                f"{LABELS[supplies[0].label]}: {total:,} of {self._wish.per_class:,}, now {supply.taxon.asked}"
            )

    def _offers(self, supply: Supply) -> Iterator[Offer]:
        """Yield pictures from pages all over GBIF's answers, at most so many of an observation."""
        wish = self._wish
        ask = {"specimens": wish.specimens, "limit": PAGE}
        supply.found, first = self._api.search(supply.taxon, wish.licences, offset=0, **ask)  # type: ignore[arg-type]
        for offset in page_offsets(supply.found):
            page = first
            if offset:
                _, page = self._api.search(supply.taxon, wish.licences, offset=offset, **ask)  # type: ignore[arg-type]
            for record in page:
                found = offers(
                    record,
                    wish.licences,
                    refused=supply.refused,
                    avoid=frozenset() if supply.label else self._avoid,
                    species_only=supply.species_only,
                )
                for offer in found:
                    # Asked anew each time: whoever takes them may have kept the one before, or found it dead.
                    if self._ledger.of_observation(offer.occurrence) >= wish.per_observation:
                        break
                    if not self._ledger.knows(offer.url):
                        yield offer

    def _take(self, supply: Supply, offer: Offer) -> bool:
        """Fetch one picture and note it, or why not; return whether it is kept."""
        if self._ledger.knows(offer.url):  # of another taxon or record
            return False
        host = urllib.parse.urlsplit(offer.url).netloc
        if self._failures[host] >= _PATIENCE:
            supply.refused["host"] += 1
            return False
        try:
            path, data = self._picture(supply, offer)
        except (WebError, ImageError) as error:
            lasting = not isinstance(error, WebError) or error.lasting
            self._failures[host] = 0 if lasting else self._failures[host] + 1
            self._ledger.bury(offer, supply.taxon.asked, error.code, str(error))
            supply.refused["dead"] += 1
            return False
        self._failures[host] = 0
        digest = hashlib.sha256(data).hexdigest()
        if (same := self._ledger.same(digest)) is not None:
            path.unlink()
            self._ledger.bury(offer, supply.taxon.asked, "duplicate", f"the same bytes as {same}")
            supply.refused["duplicate"] += 1
            return False
        self._ledger.add(_record(supply, offer, path, self._ledger.folder, digest))
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self._ledger.save()
            self._saved = time.monotonic()
        return True

    def _picture(self, supply: Supply, offer: Offer) -> tuple[Path, bytes]:
        """Return a picture that is on disk, and its bytes; it is fetched unless an earlier run did."""
        slug = re.sub(r"[^a-z0-9]+", "-", supply.taxon.asked.lower()).strip("-") or str(supply.taxon.key)
        folder = self._ledger.folder / LABELS[supply.label] / slug
        stem = f"{offer.occurrence}-{hashlib.sha256(offer.url.encode()).hexdigest()[:12]}"
        for suffix in dict.fromkeys(_SUFFIX.values()):
            path = folder / (stem + suffix)
            if path.is_file():
                return path, path.read_bytes()
        data = self._web.get(offer.url, most=self._wish.most_bytes, accept="image/*")
        path = folder / (stem + _suffix(data, self._wish.most_bytes))
        write_atomically(path, data)
        return path, data


def _suffix(data: bytes, most_bytes: int) -> str:
    """Decode a picture to its end, and return the suffix of its kind.

    Raises:
        ImageError: If it is no picture, damaged, or too small.
    """
    image = decode(data, limits=Limits(most_bytes, _MOST_PIXELS))
    if min(image.size) < SMALLEST:
        raise ImageError(f"{image.width} x {image.height} px is too small")
    with open_header(data) as header:
        return _SUFFIX[header.format or ""]


def _record(supply: Supply, offer: Offer, path: Path, folder: Path, digest: str) -> Record:
    columns = dict(offer.columns)
    known = {name: columns.pop(name) for name in ("species", "captured_at")}
    extra = {
        **columns,
        "taxon": supply.taxon.asked,
        "occurrence": str(offer.occurrence),
        "url": offer.url,
        "sha256": digest,
    }
    return Record(
        name=path.relative_to(folder).as_posix(),
        path=path,
        label=supply.label,
        group=f"gbif-{offer.occurrence}",
        source=SOURCE,
        captured_at=known["captured_at"],
        species=known["species"],
        licence=offer.licence,
        extra=tuple(extra.items()),
    )
