"""Folders of rows, on disk and in an S3 store."""

import io
import json
from collections import Counter

import pytest
from pyarrow import parquet

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError, HornetError
from hornet.inference.distributed.folders import open_folder
from hornet.inference.distributed.partitions import cut
from hornet.inference.distributed.rows import RowFolder, write_rows
from hornet.inference.sources import Source

SETTINGS = {"SOURCE": ["a"], "--batch": 2}


@pytest.fixture(params=["disk", "s3"])
def place(request, tmp_path):
    """Return a folder that isn't there yet."""
    if request.param == "disk":
        return str(tmp_path / "rows")
    return request.getfixturevalue("bucket") + "/rows"


def partitions(count=5, size=2, settings=SETTINGS):
    return list(cut([Source(f"{number}.jpg", f"{number}.jpg") for number in range(count)], size, settings))


def answers(partition):
    first = 2 * partition.number
    yield Failure(f"{first}.jpg", "missing", "no such file")
    if partition.rows > 1:
        yield Prediction(f"{first + 1}.jpg", "present", 0.75, (0.0, 1.0))


def write(rows, some):
    return sum((write_rows(rows.folder, part.file, answers(part)) for part in some), Counter())


def test_a_whole_run(place):
    """Rows are in order of the files' names, and the mark comes last and lists them."""
    rows = RowFolder(place, SETTINGS, resume=False)
    parts = partitions()
    rows.begin()

    assert ["_hornet.json"] == rows.folder.names()
    counts = write(rows, reversed(parts))
    rows.finish(parts, counts)

    names = rows.folder.names()
    assert ["_SUCCESS", "_hornet.json", *(part.file for part in parts)] == names
    mark = json.loads(rows.folder.read("_SUCCESS"))
    assert (5, {"failed": 3, "present": 2}) == (mark["rows"], mark["verdicts"])
    assert [f"{number}.jpg" for number in range(5)] == [
        path
        for file in mark["files"]
        for path in parquet.read_table(io.BytesIO(rows.folder.read(file["name"])))["path"].to_pylist()
    ]


def test_going_on(place):
    """What is whole is kept; what is damaged, short, or of pictures as they no longer are isn't."""
    rows = RowFolder(place, SETTINGS, resume=True)
    rows.begin()
    parts = partitions(9)
    write(rows, parts[:4])
    rows.folder.write(parts[1].file, rows.folder.read(parts[1].file)[:-10])
    write_rows(rows.folder, parts[2].file, list(answers(parts[2]))[:1])
    rows.folder.write(".hornet-0123.part", b"of a worker that died")
    again = RowFolder(place, SETTINGS, resume=True)
    now = [parts[0], parts[1], parts[2], *partitions(10, 2)[3:]]

    assert again.continued
    assert {0: {"failed": 1, "present": 1}, 3: {"failed": 1, "present": 1}} == again.kept(now)
    again.begin()
    write(again, [*now[1:3], now[4]])
    again.finish(now, Counter())
    assert [part.file for part in now] == again.folder.names()[2:]


def test_the_mark_goes_while_rows_are_made(place):
    """A folder that is being added to isn't complete, and one whose files are replaced isn't meanwhile."""
    rows = RowFolder(place, SETTINGS, resume=False)
    rows.begin()
    write(rows, partitions(4))
    rows.finish(partitions(4), Counter())
    again = RowFolder(place, SETTINGS, resume=True)
    again.begin()

    assert "_SUCCESS" not in again.folder.names()
    with pytest.raises(HornetError, match="1 of 3 files that workers have written aren't in .* share"):
        again.finish(partitions(6), Counter())
    assert "_SUCCESS" not in again.folder.names()


def test_no_mixing(place):
    """Rows of other settings are refused with what differs, and without --resume any are."""
    RowFolder(place, SETTINGS, resume=False).begin()

    with pytest.raises(ConfigError, match="other settings.*--batch was 2 and is 4"):
        RowFolder(place, {"SOURCE": ["a"], "--batch": 4}, resume=True)
    with pytest.raises(ConfigError, match="pass --resume to go on"):
        RowFolder(place, SETTINGS, resume=False)


def test_a_folder_of_other_things(place):
    """Files of somebody else aren't joined by rows."""
    folder = open_folder(place)
    folder.make()
    folder.write("notes.txt", b"")

    with pytest.raises(ConfigError, match=r"holds other files, such as notes\.txt"):
        RowFolder(place, SETTINGS, resume=True)


def test_damaged_settings(place):
    """Settings that can't be read are an error that says what to do."""
    rows = RowFolder(place, SETTINGS, resume=False)
    rows.begin()
    rows.folder.write("_hornet.json", b"{")

    with pytest.raises(ConfigError, match="damaged; delete the folder"):
        RowFolder(place, SETTINGS, resume=True)


def test_nowhere(tmp_path):
    """A folder in a folder that isn't there is refused before anything is done."""
    with pytest.raises(ConfigError, match="there is no folder to make it in"):
        RowFolder(str(tmp_path / "no" / "rows"), SETTINGS, resume=False)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="can't use .*file as a folder of rows: Not a directory"):
        RowFolder(str(tmp_path / "file"), SETTINGS, resume=False)
    assert not (tmp_path / "no").exists()
