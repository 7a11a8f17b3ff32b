"""From GBIF's answers to a folder that training takes."""

import csv
import hashlib
from collections import Counter

import pytest

from hornet.dataset import load_dataset
from hornet.dataset.gbif.api import captured_at, page_offsets
from hornet.dataset.gbif.fetch import Fetching, Wish, count, look_up
from hornet.dataset.gbif.ledger import Ledger
from hornet.errors import ConfigError, HornetError

CC0 = "http://creativecommons.org/publicdomain/zero/1.0/legalcode"
CC_BY_NC = "http://creativecommons.org/licenses/by-nc/4.0/legalcode"


@pytest.fixture
def fetch(api, web, tmp_path):
    """Return a function that fetches into ``out`` and returns the supplies."""

    def run(present=("Vespa velutina",), absent=(), per_class=4, licences=("cc0", "cc-by"), **more):
        wish = Wish(present, absent, per_class, licences, **more)
        supplies = look_up(api, wish)
        ledger = Ledger(tmp_path / "out")
        try:
            Fetching(api, web, ledger, wish, lambda _: None).run(supplies)
        finally:
            ledger.close()
        return {supply.taxon.asked: supply for supply in supplies}

    return run


def rows(path):
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_has_all_that_credits_need(fetch, gbif, tmp_path):
    """Licence, rights holder, address, species, group, time and checksum are in the manifest; training takes it."""
    gbif.add("Vespa velutina", 11, licences=[CC0])
    gbif.add("Bombus", 21)
    fetch(absent=("Bombus",), per_class=1)
    row = rows(tmp_path / "out" / "manifest.csv")[0]
    data = (tmp_path / "out" / row["path"]).read_bytes()
    dataset = load_dataset(tmp_path / "out" / "manifest.csv")

    assert row["path"].startswith("present/vespa-velutina/11-")
    assert ("present", "gbif-11", "gbif") == (row["label"], row["group"], row["source"])
    assert ("CC0-1.0", CC0, "holder 11") == (row["licence"], row["licence_url"], row["rights_holder"])
    assert ("Vespa velutina", "2023-08-01T10:31:07") == (row["species"], row["captured_at"])
    assert (f"{gbif.root}/photos/11-0.jpeg", "11") == (row["url"], row["occurrence"])
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert gbif.pictures["/photos/11-0.jpeg"] == data
    assert [1, 0] == dataset.labels().tolist()
    assert 2 == len(load_dataset(tmp_path / "out"))
    datasets = rows(tmp_path / "out" / "datasets.csv")
    assert [{"dataset": "50c9509d-22c7-4a22-a47d-8c48425ef4a7", "pictures": "2"}] == datasets


def test_only_licences_that_were_asked_for(fetch, gbif, tmp_path):
    """The picture's own licence counts: a stricter one than the record's, or none, is refused; asked for, it is taken."""
    gbif.add("Vespa velutina", 1, licences=[CC_BY_NC, "", "© all rights reserved", CC0])
    gbif.add("Vespa velutina", 2, licences=[CC0], record_licence=CC_BY_NC)
    found = fetch(per_observation=4)["Vespa velutina"]

    assert {"no licence": 1, "licence": 2} == dict(found.refused)
    assert ["1"] == [row["occurrence"] for row in rows(tmp_path / "out" / "manifest.csv")]
    fetch(per_observation=4, licences=("cc0", "cc-by", "cc-by-nc"))
    licences = [row["licence"] for row in rows(tmp_path / "out" / "manifest.csv")]
    assert ["CC0-1.0", "CC-BY-NC-4.0", "CC0-1.0"] == licences


def test_one_picture_of_an_observation(fetch, gbif, tmp_path):
    """Of each observation one picture is taken, the next if the first is dead; more if more are asked for."""
    for key in range(3):
        gbif.add("Vespa velutina", key + 1, licences=[CC0] * 3)
    gbif.trick("/photos/2-0.jpeg", (404, {}, b""))
    fetch(per_class=9)
    first = Counter(row["occurrence"] for row in rows(tmp_path / "out" / "manifest.csv"))
    fetch(per_class=9, per_observation=2)
    second = Counter(row["occurrence"] for row in rows(tmp_path / "out" / "manifest.csv"))

    assert {"1": 1, "2": 1, "3": 1} == first
    assert {"1": 2, "2": 2, "3": 2} == second


def test_taxa_are_balanced(fetch, gbif):
    """Each taxon gives the same number as far as it has them; the others make up for what it lacks."""
    for key in range(40):
        gbif.add("Vespa crabro", 100 + key)
        if key < 3:
            gbif.add("Bombus", 200 + key)
    gbif.add("Vespa velutina", 1)
    found = fetch(absent=("Vespa crabro", "Bombus"), per_class=10)

    assert (7, 3) == (found["Vespa crabro"].kept, found["Bombus"].kept)


def test_absence_is_no_presence(fetch, gbif, tmp_path):
    """A genus as absence leaves out the species that is present, and what is known to the genus only."""
    gbif.add("Vespa velutina", 1)
    gbif.add("Vespa crabro", 2)
    gbif.add("Vespa", 3)
    found = fetch(absent=("Vespa",), per_class=5)
    absent = [
        row["occurrence"] for row in rows(tmp_path / "out" / "manifest.csv") if row["label"] == "absent"
    ]

    assert ["2"] == absent
    assert 2 == found["Vespa"].refused["taxon"]


def test_dead_links_are_written_down_and_left_alone(fetch, gbif, tmp_path):
    """What is gone, no picture, cut off, too small or a copy is in dead-links.csv with the reason, and isn't asked again."""
    for key in range(1, 8):
        gbif.add("Vespa velutina", key)
    whole = gbif.pictures["/photos/3-0.jpeg"]
    gbif.trick("/photos/1-0.jpeg", (404, {}, b""))
    gbif.trick("/photos/2-0.jpeg", (200, {"Content-Type": "image/jpeg"}, b"<html>not a picture</html>"))
    gbif.trick("/photos/3-0.jpeg", (200, {}, whole[: len(whole) // 2]))
    gbif.trick("/photos/4-0.jpeg", (200, {}, gbif.jpeg(4, (40, 200))))
    gbif.trick("/photos/5-0.jpeg", (200, {}, gbif.pictures["/photos/6-0.jpeg"]))
    gbif.trick("/photos/7-0.jpeg", (200, {}, bytes(300_000)))
    fetch(per_class=9, most_bytes=200_000)
    dead = {row["occurrence"]: row["code"] for row in rows(tmp_path / "out" / "dead-links.csv")}
    before = dict(gbif.asked)
    fetch(per_class=9, most_bytes=200_000)
    again = {path for path in gbif.pictures if gbif.asked[path] > before[path]}

    kept = [row["occurrence"] for row in rows(tmp_path / "out" / "manifest.csv")]
    assert {"1": "gone", "2": "unreadable", "3": "unreadable", "4": "image", "7": "too_large"} == {
        key: code for key, code in dead.items() if key not in {"5", "6"}
    }
    assert 1 == len(kept)
    assert {"duplicate"} == {code for key, code in dead.items() if key in {"5", "6"}}
    assert set() == again
    assert 1 == len(list((tmp_path / "out" / "present" / "vespa-velutina").iterdir()))


def test_a_host_that_doesnt_answer_is_left_alone(fetch, gbif, tmp_path):
    """After three pictures in a row without an answer a host is left alone, and asked again in the next run."""
    for key in range(1, 9):
        gbif.add("Vespa velutina", key)
        gbif.trick(f"/photos/{key}-0.jpeg", *[(503, {}, b"")] * 5)
    found = fetch(per_class=8)["Vespa velutina"]
    asked = sum(gbif.asked[path] for path in gbif.pictures)
    codes = {row["code"] for row in rows(tmp_path / "out" / "dead-links.csv")}
    gbif.tricks.clear()
    fetch(per_class=8)

    assert (15, {"busy"}) == (asked, codes)
    assert {"dead": 3, "host": 5} == dict(found.refused)
    assert 8 == len(rows(tmp_path / "out" / "manifest.csv"))


def test_nothing_twice(fetch, gbif, tmp_path):
    """A second run asks for no picture again; one that wants more asks only for those; a removed one stays removed."""
    for key in range(1, 7):
        gbif.add("Vespa velutina", key)
    fetch(per_class=3)
    first = sum(gbif.asked[path] for path in gbif.pictures)
    fetch(per_class=3)
    second = sum(gbif.asked[path] for path in gbif.pictures)
    (tmp_path / "out" / rows(tmp_path / "out" / "manifest.csv")[0]["path"]).unlink()
    fetch(per_class=6)

    assert (3, 3) == (first, second)
    assert {1} == {gbif.asked[path] for path in gbif.pictures}
    assert 5 == len(rows(tmp_path / "out" / "manifest.csv"))
    assert ["removed"] == [row["code"] for row in rows(tmp_path / "out" / "dead-links.csv")]


def test_pictures_without_a_row_are_taken_from_the_disk(fetch, gbif, tmp_path):
    """Where the manifest is behind the pictures, as after kill -9, they get their rows without being fetched."""
    for key in range(1, 4):
        gbif.add("Vespa velutina", key)
    fetch(per_class=3)
    manifest = tmp_path / "out" / "manifest.csv"
    whole = rows(manifest)
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:2]))
    left = tmp_path / "out" / "present" / "vespa-velutina" / ".9-0123456789ab.jpg.01234567.tmp"
    left.write_bytes(b"half")
    fetch(per_class=3)

    assert whole == rows(manifest)
    assert {1} == {gbif.asked[path] for path in gbif.pictures}
    assert not left.exists()


def test_a_half_written_dead_link(fetch, gbif, tmp_path):
    """A last line that was cut off is dropped, and the file goes on in whole lines."""
    gbif.add("Vespa velutina", 1)
    gbif.add("Vespa velutina", 2)
    gbif.trick("/photos/1-0.jpeg", (404, {}, b""))
    fetch(per_class=1)
    dead = tmp_path / "out" / "dead-links.csv"
    dead.write_bytes(dead.read_bytes()[:-20])
    fetch(per_class=2)

    assert ["gone"] == [row["code"] for row in rows(dead)]


def test_when_gbif_doesnt_answer(fetch, gbif, tmp_path):
    """If the search fails in the middle, what is there has its rows, and the message says how to go on."""
    for key in range(250):
        gbif.add("Vespa velutina", key + 1)
    gbif.add("Bombus", 900)
    found = gbif.search

    def search(query):
        return {"message": "down"} if query["taxonKey"] == ["1340278"] else found(query)

    gbif.search = search
    with pytest.raises(HornetError, match="doesn't answer as GBIF does"):
        fetch(absent=("Bombus",), per_class=2)
    gbif.search = found
    gbif.trick("/v1/occurrence/search", *[(500, {}, b"")] * 5)
    with pytest.raises(HornetError, match="goes on from here"):
        fetch(absent=("Bombus",), per_class=3)

    assert 2 == len(rows(tmp_path / "out" / "manifest.csv"))


def test_pages_come_from_everywhere(fetch, gbif):
    """Each page comes once, first the beginning and the middle; no further than GBIF's search goes."""
    for key in range(250):
        gbif.add("Vespa velutina", key + 1, licences=[""] if key % 100 else [CC0])
    fetch(per_class=9)

    assert [0, 400, 200, 600, 100, 500, 300] == list(page_offsets(650))
    assert [[]] == [list(page_offsets(0))]
    assert [0] == list(page_offsets(1))
    assert 1000 == len(set(page_offsets(10**7)))
    assert [["0"], ["200"], ["100"]] == [query["offset"] for query in gbif.queries]
    assert {"StillImage"} == {query["mediaType"][0] for query in gbif.queries}


def test_specimens_only_if_asked_for(fetch, gbif):
    """Pinned insects of collections are left out unless they are wanted."""
    gbif.add("Vespa velutina", 1, basisOfRecord="PRESERVED_SPECIMEN")

    assert 0 == fetch()["Vespa velutina"].kept
    assert 1 == fetch(specimens=True)["Vespa velutina"].kept


@pytest.mark.parametrize(
    ("present", "absent", "says"),
    [
        (("Vespa velutena",), (), "did you mean Vespa velutina"),
        (("Unicornis",), (), "knows no animal 'Unicornis'"),
        (("Vespa velutina",), ("Vespa velutina",), "the same taxon twice"),
        (("Vespa",), ("Vespa crabro",), "belongs to what is present"),
    ],
)
def test_names_that_wont_do(api, present, absent, says):
    """A name that GBIF doesn't know exactly, or that contradicts another, is told before anything is fetched."""
    with pytest.raises(ConfigError, match=says):
        look_up(api, Wish(present, absent, 1, ("cc0",)))


def test_counting_fetches_nothing(api, gbif):
    """Counting asks for no page and no picture."""
    for key in range(5):
        gbif.add("Vespa velutina", key + 1)
    wish = Wish(("Vespa velutina",), (), 1, ("cc0", "cc-by"))
    supplies = look_up(api, wish)
    count(api, wish, supplies)

    assert 5 == supplies[0].found
    assert [["0"]] == [query["limit"] for query in gbif.queries]


def test_odd_records_spoil_nothing(fetch, gbif):
    """Records without key or media, sounds, links to pages and media that are no objects are passed over."""
    gbif.add("Vespa velutina", 1, media=None)
    gbif.add("Vespa velutina", 2)
    gbif.records[-1]["key"] = "2"
    gbif.add(
        "Vespa velutina",
        3,
        media=["x", {"type": "Sound", "identifier": "http://a/b.mp3"}, {"type": "StillImage"}],
    )
    gbif.add("Vespa velutina", 4)
    gbif.records[-1]["media"][0]["format"] = "text/html"
    gbif.add("Vespa velutina", 5)
    gbif.records[-1]["media"][0]["identifier"] = "javascript:alert(1)"
    gbif.add("Vespa velutina", 6)

    assert 1 == fetch()["Vespa velutina"].kept


def test_one_fetch_at_a_time(tmp_path):
    """A second process is kept out of the folder; a place that can't be written is told."""
    ledger = Ledger(tmp_path / "out")
    with pytest.raises(ConfigError, match="another hornet data fetch"):
        Ledger(tmp_path / "out")
    ledger.close()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="can't write below"):
        Ledger(tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-08-01T10:12:13", "2020-08-01T10:12:13"),
        ("2020-08-01T10:12", "2020-08-01T10:12:00"),
        ("2020-08-01T10:12:13.123+02:00", "2020-08-01T10:12:13"),
        ("2020-08-01T00:00:00", "2020-08-01"),
        ("2020-08-01", "2020-08-01"),
        ("2020-08-01/2020-08-01T12:00", "2020-08-01"),
        ("2020-08-01/2020-08-03", ""),
        ("2020-08", ""),
        ("2020-13-01", ""),
        ("", ""),
    ],
)
def test_times(text, expected):
    """GBIF's dates become a day, with time where it is known; what is no day is left out."""
    assert expected == captured_at(text)
