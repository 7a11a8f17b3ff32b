"""Decoded pictures on disk: found again, never half-written, the least recently used go first."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hornet.dataset import store as module
from hornet.dataset.store import PictureStore, entry_key, open_store, parse_size
from hornet.errors import ConfigError


def _picture(value, size=(10, 20)):
    return np.full((*size, 3), value, np.uint8)


def _files(store):
    return [path for path in (store.folder / "pictures").rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path):
    """Return an empty store."""
    return PictureStore(tmp_path / "store")


def test_what_was_kept_is_found_by_another_process(store):
    """The same pixels, mapped, not read."""
    picture = np.random.default_rng(0).integers(0, 256, (13, 7, 3), np.uint8)
    key = entry_key("digest", rule="a")
    kept = store.put(key, picture)
    found = PictureStore(store.folder).get(key)

    assert kept
    assert isinstance(found, np.memmap)
    assert np.array_equal(picture, found)
    assert store.get(entry_key("digest", rule="b")) is None
    assert (1, 20 + picture.nbytes) == store.usage()


@pytest.mark.parametrize("damage", [b"", b"short", "cut", "flip"])
def test_a_damaged_entry_is_decoded_again(store, damage):
    """Emptied, cut off or flipped by a power cut, it is removed and not taken."""
    key = entry_key("digest")
    store.put(key, _picture(7))
    (file,) = _files(store)
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(damage if isinstance(damage, bytes) else bytes(data[:90] if damage == "cut" else data))

    assert PictureStore(store.folder).get(key) is None
    assert [] == _files(store)


def test_the_least_recently_used_go_first(store):
    """Using an entry keeps it."""
    keys = [entry_key(str(n)) for n in range(4)]
    for age, key in zip((40, 30, 20, 10), keys, strict=True):
        store.put(key, _picture(1))
        (file,) = [path for path in _files(store) if path.name == key]
        os.utime(file, (time.time() - age, time.time() - age))
    PictureStore(store.folder).get(keys[0])

    left = store.trim(2 * (600 + 20))

    assert 2 * (600 + 20) == left
    assert [True, False, False, True] == [store.has(key) for key in keys]


def test_a_run_never_evicts_what_it_uses_itself(tmp_path):
    """Beyond the limit old entries make room, then nothing more is kept."""
    folder = tmp_path / "store"
    old = PictureStore(folder)
    old.put(entry_key("old"), _picture(1))
    for file in _files(old):
        os.utime(file, (1, 1))
    store = PictureStore(folder, limit=3 * 700)

    kept = [store.put(entry_key(str(n)), _picture(2)) for n in range(5)]

    assert [True, True, True, False, False] == kept
    assert not store.has(entry_key("old"))
    assert store.usage()[1] <= 3 * 700


def test_a_changed_file_is_read_again(store, tmp_path):
    """The digest of a file is remembered by name, size, times and inode; of one just written it isn't."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"one")
    fresh = store.remember(file, b"one"), store.digest(file)
    past = time.time() + 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornet.dataset.store.time.time", lambda: past)
        first = store.remember(file, b"one")
    known = store.digest(file)
    file.write_bytes(b"two")

    assert (first, None) == fresh
    assert first == known
    assert store.digest(file) is None


def test_what_a_killed_process_left_is_swept_up(store):
    """Temporary files are never taken for entries, and go when they are old."""
    store.put(entry_key("a"), _picture(1))
    (file,) = _files(store)
    orphan = file.with_name(f"{file.name}.12345678.tmp")
    orphan.write_bytes(b"half")
    store.trim(10**9)
    young = orphan.exists()
    os.utime(orphan, (1, 1))
    store.trim(10**9)

    assert (True, False) == (young, orphan.exists())
    assert store.has(entry_key("a"))


def test_many_writers_of_one_entry_leave_one(store):
    """Each writes a file of its own; the last rename counts."""
    key = entry_key("a")
    stores = [PictureStore(store.folder) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: [each.put(key, _picture(3)) for _ in range(20)], stores))

    found = PictureStore(store.folder).get(key)
    assert found is not None
    assert np.array_equal(_picture(3), found)
    assert 1 == len(_files(store))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    """Nothing is kept, and nothing breaks."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    store = PictureStore(tmp_path / "file")

    assert not store.put(entry_key("a"), _picture(1))
    assert store.get(entry_key("a")) is None
    assert (0, 0) == store.usage()


def test_clearing_removes_nothing_else(store):
    """A folder that was named by mistake keeps its other files."""
    store.put(entry_key("a"), _picture(1))
    (store.folder / "mine.txt").write_text("mine", encoding="utf-8")
    store.clear()

    assert ["mine.txt"] == [entry.name for entry in store.folder.iterdir()]


def test_flag_environment_and_default(monkeypatch, tmp_path):
    """In this order; none keeps nothing."""
    monkeypatch.setenv("HORNET_CACHE", str(tmp_path / "environment"))
    named, environment = open_store(str(tmp_path / "flag")), open_store()
    nothing = open_store("none")
    monkeypatch.delenv("HORNET_CACHE")
    monkeypatch.setenv("HORNET_CACHE_LIMIT", "1.5 GB")
    default = open_store()

    assert named is not None
    assert environment is not None
    assert default is not None
    assert [tmp_path / "flag", tmp_path / "environment"] == [named.folder, environment.folder]
    assert nothing is None
    assert "hornet" in default.folder.parts
    assert 1_500_000_000 == default.limit


@pytest.mark.parametrize("text", ["", "much", "-3GB", "5XB"])
def test_a_limit_is_a_size(text):
    """Anything else is said."""
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)


def test_sizes_are_read_as_people_write_them():
    """Powers of ten, with or without B."""
    assert [1000, 5 * 10**8, 2 * 10**10] == [parse_size(text) for text in ("1000", "500MB", "20 g")]


def test_keys_change_with_the_code_that_makes_pixels(monkeypatch):
    """Another version of the rule's code, or of Pillow, finds nothing of the old one's."""
    before = entry_key("a")
    module._code_digest.cache_clear()
    monkeypatch.setattr("PIL.__version__", "0.0")
    after = entry_key("a")
    monkeypatch.undo()
    module._code_digest.cache_clear()

    assert before != after
    assert before == entry_key("a")
