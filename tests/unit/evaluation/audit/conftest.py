"""Data sets of drawings for the audit, and what it says of them."""

import shutil
from dataclasses import replace

import pytest

from hornet.dataset import Record, load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.evaluation.audit import PARTS, audit


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Return a folder of 2 x 12 drawings that nobody may change."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, 12, size=(96, 72))
    return folder


@pytest.fixture
def folder(drawn, tmp_path):
    """Return a copy of the drawings, to be spoiled."""
    return shutil.copytree(drawn, tmp_path / "data")


@pytest.fixture
def change():
    """Return a function that changes columns of a data set by the records' names."""

    def changed(dataset, columns):
        records = [replace(record, **columns(record)) for record in dataset.records]
        return replace(dataset, records=tuple(records))

    return changed


@pytest.fixture
def finding():
    """Return a function that asks all but the probes about a folder or data set: the finding of a name, or None."""
    # The probes take seconds and are asked in tests of their own.
    parts = [part for part in PARTS if part.name not in {"shortcuts", "text"}]

    def find(data, name):
        dataset = load_dataset(data) if hasattr(data, "is_dir") else data
        return next((each for each in audit(dataset, parts=parts).findings if each.name == name), None)

    return find


@pytest.fixture
def folder_of(tmp_path):
    """Return a function that writes the encoded pictures of each camera and returns their records."""

    def write(cameras):
        records = []
        for camera, pictures in cameras.items():
            for index, data in enumerate(pictures):
                path = tmp_path / f"{camera}_{index:03d}.jpg"
                path.write_bytes(data)
                records.append(Record(path.name, path, index % 2, camera=camera))
        return records

    return write
