"""The quick audit at the start of a run."""

import json
import shutil
from dataclasses import replace

import pytest

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.training import audited
from hornet.training.audited import audit_pictures
from hornet.training.config import TrainConfig
from hornet.training.pictures import prepare
from hornet.training.runfolder import RunFolder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a folder of 2 x 12 drawings, one of which is in both classes, and one of them twice."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, 12)
    shutil.copy(folder / "presence" / "presence_0000.jpg", folder / "absence" / "same.jpg")
    shutil.copy(folder / "presence" / "presence_0003.jpg", folder / "presence" / "twin.jpg")
    return folder


@pytest.fixture
def begun(tmp_path):
    """Return a function that prepares a data set in a run folder, audits it, and returns what was reported."""

    def begin(dataset, cache="none"):
        folder = RunFolder(tmp_path / "run")
        folder.claim()
        config = TrainConfig(data=dataset.root, size=(32, 48), masks=((0, 0, 0.25, 0.1),), cache=str(cache))
        pictures = prepare(dataset, config, folder, report=lambda _: None, live=lambda _: None)
        lines: list[str] = []
        result = audit_pictures(pictures, folder, report=lines.append)
        return result, lines, folder

    return begin


def _alone(dataset):
    """Return the pictures each in a group of its own, some of them for testing."""
    records = [
        replace(record, group=record.name, split="test" if "twin" in record.name else "train")
        for record in dataset.records
    ]
    records[1], records[-2] = (replace(records[i], split="validation") for i in (1, -2))
    return replace(dataset, records=tuple(records))


def test_findings_are_warnings_and_a_file(drawn, begun):
    """Leaks, conflicts and copies are told, in the words of the whole audit, which is named for the rest."""
    result, lines, folder = begun(_alone(load_dataset(drawn)))
    document = json.loads(folder.audit.read_text(encoding="utf-8"))

    assert ["duplicate", "label-conflict", "leakage"] == [each.name for each in result.findings]
    assert document == json.loads(json.dumps(result.to_dict()))
    assert document["short"] is True
    assert ["warning: duplicate", "warning: label-conflict", "warning: leakage"] == [
        ": ".join(line.split(": ")[:2]) for line in lines[:3]
    ]
    assert f"hornet data audit {folder.manifest} --mask 0,0,0.25,0.1 looks closer" in lines[-1]


def test_clean_pictures_give_one_line(tmp_path, begun):
    """Nothing is made up where nothing is wrong."""
    write_dataset(tmp_path / "data", 12)
    _, lines, folder = begun(load_dataset(tmp_path / "data"))

    assert 1 == len(lines)
    assert lines[0].startswith("audit: nothing found in a quick look")
    assert [] == json.loads(folder.audit.read_text(encoding="utf-8"))["findings"]


def test_what_was_kept_gives_the_same_audit(drawn, begun, tmp_path):
    """Digests of the store or of the files, the findings are the same."""
    dataset = _alone(load_dataset(drawn))
    first = begun(dataset)[0]
    shutil.rmtree(tmp_path / "run")
    kept = begun(dataset, tmp_path / "store")[0]
    shutil.rmtree(tmp_path / "run")

    assert first == kept == begun(dataset, tmp_path / "store")[0]


def test_many_pictures_are_not_compared_with_each_other(drawn, begun, monkeypatch):
    """Only files are then; a note says what was left out."""
    monkeypatch.setattr(audited, "MOST", 10)
    result, lines, _ = begun(_alone(load_dataset(drawn)))

    assert ["duplicate", "label-conflict", "leakage"] == [each.name for each in result.findings]
    assert ["left-out"] == [note.kind for note in result.notes]
    assert any(line.startswith("note: the search for near duplicates was left out") for line in lines)
