"""``hornet watch``: what is refused, and how it is said."""

import sys

import pytest

from hornet.cli import main
from hornet.cli.watching import _default_state


@pytest.fixture
def run(monkeypatch, capfd, tiny_model, tmp_path):
    """Return a function that runs ``hornet watch`` in a folder of its own and gives (exit code, stderr)."""
    (tmp_path / "work/in/pics").mkdir(parents=True)
    (tmp_path / "work/in/pics/a.png").touch()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("HORNET_WEBHOOK", raising=False)

    def run_watch(*arguments):
        options = ["--model", str(tiny_model), "--state", str(tmp_path / "state")]
        monkeypatch.setattr(sys, "argv", ["hornet", "watch", *arguments, *options])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), " ".join(capfd.readouterr().err.split())

    return run_watch


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["nowhere"], 1, "nowhere is no folder that can be watched"),
        (["in", "--confirm", "3/2"], 2, "can't be confirmed"),
        (["in", "--confirm", "0/2"], 2, "can't be confirmed"),
        (["in", "--confirm", "two"], 2, "write K/N"),
        (["in", "--quiet", "soon"], 2, "is no time"),
        (["in", "--poll", "1ms"], 2, "at least 100ms"),
        (["in", "--threshold", "nan"], 2, "no number"),
        (["in", "--webhook", "mailto:s3cret@example.org"], 1, "must begin with http://"),
        (["in", "-o", "no/such/rows.jsonl"], 1, "can't write no/such/rows.jsonl"),
        (["in", "--alarm-pictures", "in/pics"], 1, "is watched itself; name a new folder"),
    ],
)
def test_wrong_usage(run, options, code, text):
    """What can't be done is said at once, without a traceback and without secrets."""
    got, err = run(*options)

    assert (code, True) == (got, text in err), err
    assert "Traceback" not in err
    assert "s3cret" not in err


def test_the_extra(run, monkeypatch):
    """Without watchfiles it says what to install, and that --poll needs none."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    code, err = run("in")

    assert 1 == code
    assert "hornet watch without --poll needs packages" in err
    assert "pip install 'hornet-detector[watch]'" in err


def test_state_of_a_folder(tmp_path, monkeypatch):
    """However a folder is called, its state is the same, and another folder's is another."""
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    monkeypatch.chdir(tmp_path)

    assert _default_state("a") == _default_state(str(tmp_path / "a")) == _default_state("link")
    assert _default_state("a") != _default_state("b")
