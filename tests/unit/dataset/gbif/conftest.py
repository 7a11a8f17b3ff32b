"""A GBIF on 127.0.0.1: answers in the published format, and misbehaves as told."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from hornet.dataset.gbif.addresses import Guard
from hornet.dataset.gbif.api import Api
from hornet.dataset.gbif.web import Web

CC0 = "http://creativecommons.org/publicdomain/zero/1.0/legalcode"
CC_BY = "http://creativecommons.org/licenses/by/4.0/"
CC_BY_NC = "http://creativecommons.org/licenses/by-nc/4.0/legalcode"
RECORD = {CC0: "CC0_1_0", CC_BY: "CC_BY_4_0", CC_BY_NC: "CC_BY_NC_4_0"}

#: Names, keys and ranks as GBIF's backbone has them: genus Vespa 1311334, family Vespidae 4490.
TAXA = {
    "Vespa velutina": {"usageKey": 1311477, "speciesKey": 1311477, "genusKey": 1311334, "familyKey": 4490},
    "Vespa crabro": {"usageKey": 1311527, "speciesKey": 1311527, "genusKey": 1311334, "familyKey": 4490},
    "Vespa": {"usageKey": 1311334, "genusKey": 1311334, "familyKey": 4490},
    "Bombus": {"usageKey": 1340278, "genusKey": 1340278, "familyKey": 4334},
}


def jpeg(seed, size=(96, 80)):
    """Return a small picture that no other seed gives."""
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=60)
    return file.getvalue()


class Gbif:
    """The server, what it has, and what it was asked."""

    def __init__(self):
        self.records: list[dict] = []
        self.pictures: dict[str, bytes] = {}
        self.tricks: dict[str, list] = {}  # path -> answers before the real one: (status, headers, body)
        self.asked: Counter = Counter()
        self.agents: set[str] = set()
        self.queries: list[dict] = []
        self.gate = threading.Event()  # pictures beyond so many wait for it
        self.held_from: int | None = None
        gbif = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                gbif.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.base = f"{self.root}/v1"

    jpeg = staticmethod(jpeg)

    def close(self):
        """End."""
        self.gate.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def add(self, taxon, key, *, licences=(CC_BY,), record_licence=CC_BY, **changes):
        """Add an observation with one picture a licence, in the form of GBIF's occurrence search."""
        media = []
        for at, licence in enumerate(licences):
            path = f"/photos/{key}-{at}.jpeg"
            self.pictures[path] = jpeg(key * 10 + at)
            media.append(
                {
                    "type": "StillImage",
                    "format": "image/jpeg",
                    "identifier": self.root + path,
                    "references": f"https://www.inaturalist.org/photos/{key}",
                    "creator": f"creator {key}",
                    "publisher": "iNaturalist",
                    "license": licence,
                    "rightsHolder": f"holder {key}",
                }
            )
        found = TAXA[taxon]
        record: dict[str, Any] = {
            "key": key,
            "datasetKey": "50c9509d-22c7-4a22-a47d-8c48425ef4a7",
            "basisOfRecord": "HUMAN_OBSERVATION",
            "occurrenceStatus": "PRESENT",
            "taxonKey": found["usageKey"],
            "acceptedTaxonKey": found["usageKey"],
            "scientificName": f"{taxon} Author, 1800",
            "eventDate": "2023-08-01T10:31:07",
            "license": record_licence,
            "mediaType": ["StillImage"],
            "media": media,
            "gbifID": str(key),
        }
        record |= {rank: found[rank] for rank in ("speciesKey", "genusKey", "familyKey") if rank in found}
        if "speciesKey" in found:
            record["species"] = taxon
        self.records.append(record | changes)

    def trick(self, path, *answers):
        """Answer a path so first: (status, headers, body), once each; 200, 302 and 404 stay."""
        self.tricks[path] = list(answers)

    def answer(self, handler):
        """Answer one request."""
        parts = urlsplit(handler.path)
        self.asked[parts.path] += 1
        self.agents.add(handler.headers["User-Agent"])
        waiting = self.tricks.get(parts.path)
        if waiting:
            status, headers, body = waiting[0] if waiting[0][0] in {404, 302, 200} else waiting.pop(0)
            return self.send(handler, status, headers, body)
        query = parse_qs(parts.query)
        if parts.path == "/v1/species/match":
            return self.send_json(handler, self.match(query["name"][0]))
        if parts.path == "/v1/occurrence/search":
            self.queries.append(query)
            return self.send_json(handler, self.search(query))
        served = sum(self.asked[path] for path in self.pictures)
        if parts.path in self.pictures and self.held_from is not None and served > self.held_from:
            self.gate.wait(60)
        if parts.path in self.pictures:
            return self.send(handler, 200, {"Content-Type": "image/jpeg"}, self.pictures[parts.path])
        return self.send(handler, 404, {}, b"nothing here")

    def match(self, name):
        """Answer species/match."""
        if name not in TAXA:
            near = {"scientificName": "Vespa velutina Lepeletier, 1836", "usageKey": 1311477}
            return (
                {"confidence": 91, "matchType": "FUZZY", **near}
                if name == "Vespa velutena"
                else {"confidence": 100, "matchType": "NONE", "synonym": False}
            )
        return {
            **TAXA[name],
            "scientificName": f"{name} Author, 1800",
            "canonicalName": name,
            "rank": "SPECIES" if "speciesKey" in TAXA[name] else "GENUS",
            "status": "ACCEPTED",
            "confidence": 99,
            "matchType": "EXACT",
            "kingdom": "Animalia",
            "kingdomKey": 1,
            "synonym": False,
        }

    def search(self, query):
        """Answer occurrence/search."""
        key = int(query["taxonKey"][0])
        ranks = ("speciesKey", "genusKey", "familyKey", "taxonKey")
        found = [
            record
            for record in self.records
            if key in {record.get(rank) for rank in ranks}
            and ("license" not in query or RECORD.get(record["license"]) in query["license"])
            and ("basisOfRecord" not in query or record["basisOfRecord"] in query["basisOfRecord"])
        ]
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), 300)
        page = found[offset : offset + limit]
        end = offset + limit >= len(found)
        return {
            "offset": offset,
            "limit": limit,
            "endOfRecords": end,
            "count": len(found),
            "results": page,
            "facets": [],
        }

    def send_json(self, handler, document):
        """Send a document."""
        self.send(handler, 200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    @staticmethod
    def send(handler, status, headers, body):
        """Send an answer."""
        try:
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client was killed, or had enough


@pytest.fixture
def gbif():
    server = Gbif()
    yield server
    server.close()


@pytest.fixture
def waits():
    """Return the seconds that the client waited, one entry a wait; nobody waits in truth."""
    return []


@pytest.fixture
def web(gbif, waits):
    return Web(Guard.of(gbif.base), rate=1e6, agent="hornet-detector/test", timeout=10, sleep=waits.append)


@pytest.fixture
def api(web, gbif):
    return Api(web, gbif.base)
