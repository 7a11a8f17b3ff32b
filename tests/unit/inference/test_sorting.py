"""Pictures into folders by verdict."""

import os
import sys
from pathlib import Path

import pytest

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError, HornetError
from hornet.inference.journal import Journal
from hornet.inference.records import Row, look_at
from hornet.inference.sorting import Sorter
from hornet.inference.sources import Scan, Source

PRESENT = "present"


_OPEN: list[Journal] = []


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Work in a folder of the test's own, and close its journals."""
    monkeypatch.chdir(tmp_path)
    yield
    while _OPEN:
        _OPEN.pop().close()


def new_journal():
    _OPEN.append(Journal(None, {}))
    return _OPEN[-1]


def write(path, content=b"a picture"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def journal_of(*sources, label=PRESENT):
    """Return the journal of a finished prediction."""
    journal = new_journal()
    rows = []
    for source in sources:
        named = Source(source, source) if isinstance(source, str) else source
        rows.append(Row(named, look_at(named), Prediction(named.name, label, 0.5, (0.0, 0.0))))
    journal.append(rows)
    journal.complete(range(len(rows)))
    return journal


def files(folder="sorted"):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def sort(journal, how="copy", folder="sorted", sources=(), meanwhile=lambda: None):
    sorter = Sorter(folder, how, sources)
    meanwhile()
    return sorter.sort(journal)


def test_places():
    """Paths inside a scanned folder and relative ones are kept, absolute ones aren't, none leads outside."""
    for name in ("top/sub/a.jpg", "june/b.jpg", "c.jpg"):
        write(name)
    absolute = str(Path("c.jpg").resolve())
    sources = [Source("top/sub/a.jpg", str(Path("sub/a.jpg"))), "june/b.jpg", absolute, "june/../c.jpg"]
    result = sort(journal_of(*sources))

    assert [".hornet-sorted", "present/c.jpg", "present/june/b.jpg", "present/sub/a.jpg"] == files()
    assert {"done": 3, "named twice": 1} == result.counts


def test_failures_and_addresses_stay():
    """What has no verdict, or no file, isn't sorted."""
    write("a.jpg")
    journal = new_journal()
    address = Source("http://h/a.jpg", "http://h/a.jpg", remote=True)
    journal.append(
        [
            Row(Source("a.jpg", "a.jpg"), None, Failure("a.jpg", "unreadable", "damaged")),
            Row(address, None, Prediction(address.name, "absent", 0.5, (0.0, 0.0))),
        ]
    )
    journal.complete([0, 1])
    result = sort(journal, "move")

    assert ({"without a verdict": 1, "addresses": 1}, []) == (result.counts, result.problems)
    assert [".hornet-sorted"] == files()


@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_clashes(how):
    """No name is used twice, in any spelling that some file system takes for the same; nothing is replaced."""
    names = ["1/a.jpg", "2/a.jpg", "3/a.jpg"]
    spelled = ["4/A.JPG", "5/\u00e9.jpg", "6/e\u0301.jpg"] if sys.platform == "linux" else []
    for name in (*names, *spelled):
        write(name, name.encode())
    write("sorted/present/a-2.jpg", b"of before")
    sources = [Source(name, name[2:]) for name in (*names, *spelled)]
    result = sort(journal_of(*sources), how)

    assert ({"done": len(sources)}, []) == (result.counts, result.problems)
    expected = {"a.jpg": b"1/a.jpg", "a-2.jpg": b"of before", "a-3.jpg": b"2/a.jpg", "a-4.jpg": b"3/a.jpg"}
    if spelled:
        expected |= {
            "A-2.JPG": b"4/A.JPG",
            "\u00e9.jpg": spelled[1].encode(),
            "e\u0301-2.jpg": spelled[2].encode(),
        }
    assert expected == {path.name: path.read_bytes() for path in Path("sorted/present").iterdir()}


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the file system refuses such names")
def test_undecodable_names():
    """Names that are no text keep their bytes."""
    name = os.fsdecode(b"\xff/\xfe.jpg")
    write(name)
    sort(journal_of(name))

    assert [b"\xfe.jpg"] == [os.fsencode(path.name) for path in Path("sorted/present/\udcff").iterdir()]


def test_copy_again():
    """What was copied before stays, once; times are kept; another picture of the same name is added."""
    write("a.jpg")
    os.utime("a.jpg", ns=(10**18, 10**18))
    first, second = sort(journal_of("a.jpg")), sort(journal_of("a.jpg"))
    write("a.jpg", b"another")
    third = sort(journal_of("a.jpg"))

    assert [{"done": 1}, {"already there": 1}, {"done": 1}] == [first.counts, second.counts, third.counts]
    assert [".hornet-sorted", "present/a-2.jpg", "present/a.jpg"] == files()
    assert 10**18 == Path("sorted/present/a.jpg").stat().st_mtime_ns


def test_link():
    """A link is the same file under another name; once is enough."""
    write("a.jpg")

    assert [{"done": 1}, {"already there": 1}] == [sort(journal_of("a.jpg"), "link").counts for _ in range(2)]
    assert Path("a.jpg").samefile("sorted/present/a.jpg")


def test_move_after_link():
    """Moving a picture that was linked before takes the old name away."""
    write("a.jpg")
    sort(journal_of("a.jpg"), "link")

    assert {"done": 1} == sort(journal_of("a.jpg"), "move").counts
    assert (False, [".hornet-sorted", "present/a.jpg"]) == (Path("a.jpg").exists(), files())


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_moving_a_link_keeps_what_it_leads_to():
    """The picture arrives, the link goes, and the file that it led to stays."""
    write("elsewhere/real.jpg")
    Path("link.jpg").symlink_to("elsewhere/real.jpg")
    result = sort(journal_of("link.jpg"), "move")

    assert ({"done": 1}, []) == (result.counts, result.problems)
    assert (b"a picture", False) == (
        Path("sorted/present/link.jpg").read_bytes(),
        Path("sorted/present/link.jpg").is_symlink(),
    )
    assert (False, True) == (os.path.lexists("link.jpg"), Path("elsewhere/real.jpg").exists())


@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_changed_or_gone(how):
    """A picture that changed or went since it was looked at isn't sorted under a verdict that isn't its own."""
    for name in "abc":
        write(f"{name}.jpg")
    journal = journal_of("a.jpg", "b.jpg", "c.jpg")
    write("a.jpg", b"quite another picture")
    Path("b.jpg").unlink()
    result = sort(journal, how)

    assert [
        ("a.jpg", "changed since it was looked at"),
        ("b.jpg", "gone since it was looked at"),
    ] == result.problems
    assert [".hornet-sorted", "present/c.jpg"] == files()


def test_place_taken_meanwhile():
    """What takes a picture's place while others are sorted isn't replaced, either."""
    write("1/a.jpg", b"1")
    journal = journal_of(Source("1/a.jpg", "a.jpg"))
    real = journal.place

    def place(targets):
        real(targets)
        if not Path("sorted/present/a.jpg").exists():
            write("sorted/present/a.jpg", b"taken")

    vars(journal)["place"] = place
    result = sort(journal, "move")

    assert ({"done": 1}, []) == (result.counts, result.problems)
    assert (b"taken", b"1") == tuple(
        Path("sorted/present", name).read_bytes() for name in ("a.jpg", "a-2.jpg")
    )


def test_a_file_where_a_folder_must_be():
    """That is a problem of one picture, and the others go on."""
    write("1/a/b.jpg")
    write("2/c.jpg")
    write("sorted/present/a", b"a file")
    result = sort(journal_of(Source("1/a/b.jpg", str(Path("a/b.jpg"))), Source("2/c.jpg", "c.jpg")), "move")

    assert ["1/a/b.jpg"] == [name for name, _ in result.problems]
    assert (True, b"a file") == (Path("1/a/b.jpg").exists(), Path("sorted/present/a").read_bytes())
    assert {"done": 1} == result.counts


def test_never_into_or_out_of_itself():
    """A source in the folder is refused; a file of it that comes by other ways stays."""
    write("sorted/present/a.jpg")
    for source in ("sorted", "sorted/present", "sorted/present/a.jpg", "./sorted/../sorted"):
        with pytest.raises(ConfigError, match="lies in sorted, which is sorted into"):
            Sorter("sorted", "move", [source])
    result = sort(journal_of("sorted/present/a.jpg"), "move")

    assert [("sorted/present/a.jpg", "lies in sorted already")] == result.problems
    assert ["present/a.jpg"] == files()


def test_scans_leave_it_out():
    """Sorting into a folder below the pictures: neither this scan nor a later one meets the copies."""
    write("pics/a.jpg")
    write("pics/sorted/absent/old.jpg")
    scan = Scan(["pics"], leave_out="pics/sorted")
    assert [str(Path("pics/a.jpg"))] == [source.name for source in scan]
    assert 1 == scan.skipped_sorted
    Sorter("pics/new", "copy", ["pics"])
    write("pics/new/present/b.jpg")
    later = Scan(["pics"])

    assert [str(Path("pics/a.jpg")), str(Path("pics/sorted/absent/old.jpg"))] == [
        source.name for source in later
    ]
    assert 1 == later.skipped_sorted
    assert [str(Path("pics/new/present/b.jpg"))] == [source.name for source in Scan(["pics/new"])]


def test_dry():
    """A plan names the places that sorting takes, and touches nothing."""
    write("1/a.jpg", b"1")
    write("2/a.jpg", b"2")
    journal = journal_of(Source("1/a.jpg", "a.jpg"), Source("2/a.jpg", "a.jpg"))
    plan = list(Sorter("sorted", "move", [], dry=True).plan(journal))
    assert not Path("sorted").exists()
    sort(journal, "move")

    assert [("1/a.jpg", "a.jpg"), ("2/a.jpg", "a-2.jpg")] == [(name, Path(path).name) for name, path in plan]
    assert all(Path(path).exists() for _, path in plan)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no read-only file system here")
@pytest.mark.parametrize("how", ["link", "copy"])
def test_folder_that_cannot_be(how):
    """A folder that can't be made is said before any work."""
    write("file")
    for folder in ("file", "file/below", "/proc/self/sorted"):
        with pytest.raises(HornetError, match="can't sort into"):
            Sorter(folder, how, [])


MEMORY = Path("/dev/shm")


@pytest.fixture
def elsewhere(tmp_path):
    """Return a folder on another file system."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    import tempfile

    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield folder


def test_across_file_systems(elsewhere):
    """A move copies, compares and removes; a link can't be made, which is said once."""
    write("a.jpg")
    with pytest.raises(HornetError, match="can't link into .*: copy instead"):
        sort(journal_of("a.jpg"), "link", folder=f"{elsewhere}/linked")
    result = sort(journal_of("a.jpg"), "move", folder=f"{elsewhere}/moved")

    assert ({"done": 1}, [], False) == (result.counts, result.problems, Path("a.jpg").exists())
    assert b"a picture" == Path(elsewhere, "moved/present/a.jpg").read_bytes()


def test_a_bad_copy_costs_nothing(elsewhere, monkeypatch):
    """A copy that differs from its picture, on a dying disk, doesn't take the picture's place."""
    import shutil

    def damaged(source, target):
        Path(target).write_bytes(b"a pictur\0")

    monkeypatch.setattr(shutil, "copyfile", damaged)
    write("a.jpg")
    result = sort(journal_of("a.jpg"), "move", folder=f"{elsewhere}/moved")

    assert [("a.jpg", "the copy differs from the picture; both are kept")] == result.problems
    assert b"a picture" == Path("a.jpg").read_bytes()


def test_full_disk(monkeypatch):
    """A full disk ends the sorting with one sentence; no half picture is left."""
    import errno
    import shutil

    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    write("a.jpg")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(HornetError, match="can't go on sorting into sorted: No space left on device"):
        sort(journal_of("a.jpg"))

    assert [".hornet-sorted"] == files()
