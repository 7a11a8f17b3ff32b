"""``hornet data audit``: findings on stdout, all else on stderr, codes that scripts rely on."""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError, ManifestInvalid


def _run(*arguments):
    return CliRunner().invoke(app, ["data", "audit", *map(str, arguments)])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a folder of 2 x 6 drawings that nobody may change."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, 6)
    return folder


@pytest.fixture
def folder(drawn, tmp_path):
    """Return a copy of the drawings, to be spoiled."""
    return shutil.copytree(drawn, tmp_path / "data")


@pytest.fixture
def manifest(folder):
    """Return a manifest with splits, one picture of which stands in train and test, and one of which is missing."""
    shutil.copy(folder / "presence" / "presence_0000.jpg", folder / "same.jpg")
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.jpg"))]
    rows = [f"{name},{name.split('/')[0]},{name},train" for name in names]
    rows += ["same.jpg,presence,same.jpg,test", "gone.jpg,absence,gone.jpg,test"]
    path = folder / "manifest.csv"
    path.write_text("\n".join(["path,label,group,split", *rows]) + "\n", encoding="utf-8")
    return path


def test_clean_pictures_say_so(folder):
    """No line on stdout, and how much was looked at on stderr; --strict changes nothing."""
    result = _run(folder, "--strict")

    assert 0 == result.exit_code
    assert "" == result.stdout
    assert "nothing found in 12 pictures (6 present, 6 absent; 12 groups)" in result.stderr


def test_findings_are_lines_and_strict_makes_them_a_failure(manifest):
    """A line each on stdout, beginning with its name, in their order; exit code 1 only with --strict."""
    loose, strict = _run(manifest), _run(manifest, "--strict")
    names = [line.partition(": ")[0] for line in loose.stdout.splitlines()]

    assert (0, 1) == (loose.exit_code, strict.exit_code)
    assert ["unreadable", "duplicate", "leakage"] == names
    assert loose.stdout == strict.stdout
    assert "3 found in 14 pictures" in loose.stderr


def test_json_has_the_findings(manifest, tmp_path):
    """In a file beside the lines, or alone on stdout."""
    file = tmp_path / "audit.json"
    beside, alone = _run(manifest, "--json", file), _run(manifest, "--json", "-")
    document = json.loads(file.read_text(encoding="utf-8"))

    assert document == json.loads(alone.stdout)
    assert ["findings", "probes"] == list(document)[:2]
    assert ["unreadable", "duplicate", "leakage"] == [each["name"] for each in document["findings"]]
    assert beside.stdout.startswith("unreadable: 1 picture of 14 can't be read (gone.jpg;")
    assert "take their lines out of the manifest" in beside.stdout
    assert {"train": 12, "test": 2} == document["splits"]


def test_mistakes_are_told_without_a_traceback(folder, tmp_path):
    """No such data, a bad mask, a JSON file that can't be written: errors of our own tree."""
    assert isinstance(_run(tmp_path / "nothing").exception, ManifestInvalid)
    assert isinstance(_run(folder, "--mask", "1,2").exception, ConfigError)
    assert isinstance(_run(folder, "--json", tmp_path / "no" / "folder.json").exception, ConfigError)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_strange_file_names_are_shown(folder):
    """Bytes that are no UTF-8, and control characters, harm neither the terminal nor the JSON."""
    strange = os.fsdecode(b"caf\xe9\n\x1b[31m.jpg")
    shutil.copy(folder / "presence" / "presence_0000.jpg", folder / "presence" / strange)
    result, document = _run(folder), json.loads(_run(folder, "--json", "-").stdout)

    assert 0 == result.exit_code
    assert "caf\\udce9\\n\\x1b[31m.jpg" in result.stdout
    assert ["duplicate"] == [each["name"] for each in document["findings"]]


@pytest.mark.parametrize(
    ("target", "reason"), [("nowhere/audit.json", "no folder nowhere"), (".", "it is a folder")]
)
def test_a_result_that_cannot_be_written_ends_before_the_work(folder, target, reason, monkeypatch):
    """The file of --json is looked at first: no picture is read for a result that can't be kept."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("hornet.dataset.load_dataset", lambda *_, **__: pytest.fail("pictures were read"))

    result = _run(folder, "--json", target)

    assert isinstance(result.exception, ConfigError)
    assert f"can't write {target}" in str(result.exception)
    assert reason in str(result.exception)
