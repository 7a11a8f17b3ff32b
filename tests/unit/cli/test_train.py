"""The command's flags: every setting has one, and only what was given is passed on."""

import inspect

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.cli.progress import Progress
from hornet.cli.train import train
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError
from hornet.training.config import TrainConfig, load_config

_OTHER_NAMES = {"masks": "mask", "mask_text": "mask"}


def _run(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def test_every_setting_has_a_flag():
    """A field of the configuration that can't be set from the command line would be forgotten."""
    flags = set(inspect.signature(train).parameters)
    fields = {_OTHER_NAMES.get(name, name) for name in TrainConfig.model_fields}

    assert set() == fields - flags


def test_flags_win_over_the_file_and_reach_the_saved_configuration(tmp_path):
    """A file gives batch and seed, a flag another seed; size and mask are read from text."""
    write_dataset(tmp_path / "data", 2, size=(40, 30))
    file = tmp_path / "settings.toml"
    file.write_text('batch = 7\nseed = 3\nweights = "absent.pth"\n', encoding="utf-8")

    # The weights aren't there, so the run ends right after it has saved its configuration.
    result = _run(
        tmp_path / "data", "--out", tmp_path / "run", "--config", file, "--seed", 5, "--size", "64x96",
        "--mask", "0,0,0.3,0.1", "--mask", "0.7,0,1,0.1", "--mask", "auto", "--optimizer", "momentum",
    )  # fmt: skip
    config = load_config(tmp_path / "run" / "config.toml")

    assert isinstance(result.exception, ConfigError)
    assert (7, 5, (64, 96), "momentum") == (config.batch, config.seed, config.size, config.optimizer)
    assert ((0, 0, 0.3, 0.1), (0.7, 0, 1, 0.1)) == config.masks
    assert "--mask auto: no burnt-in text" in result.output
    assert (tmp_path / "data").absolute() == config.data


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["data"], 2, "--out"),
        (["--resume", "run", "--seed", "1"], 2, "leave out: seed"),
        (["data", "--resume", "run"], 2, "leave out: data"),
        (["data", "--out", "run", "--optimizer", "rmsprop"], 2, "adamw"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, code, said):
    """What is missing or contradicts is said on stderr."""
    result = _run(*arguments)

    assert code == result.exit_code
    assert said in result.stderr


@pytest.mark.parametrize("flags", [["--size", "big"], ["--mask", "0,0,1"], ["--mask", "a,b,c,d"]])
def test_text_that_is_no_size_or_mask_is_refused(tmp_path, flags):
    """The message shows how to write it."""
    result = _run(tmp_path, "--out", tmp_path / "run", *flags)

    assert isinstance(result.exception, ConfigError)
    assert "such as" in str(result.exception)


def test_progress_in_a_pipe_is_rare(capsys):
    """Without a terminal, only lines that stay are written, and a progress line now and then."""
    progress = Progress()
    for step in range(100):
        progress.live(f"step {step}")
    progress.report("done")
    progress.clear()

    assert "done\n" == capsys.readouterr().err


def test_progress_on_a_terminal_is_one_line(capsys, monkeypatch):
    """The line is redrawn in place and gone when something else is said."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    moments = iter([0.0, 1.0, 1.1, 2.0, 2.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    progress = Progress()
    progress.live("step 1")
    progress.live("too soon")
    progress.live("step 2")
    progress.report("done")

    assert "\r\x1b[Kstep 1\r\x1b[Kstep 2\r\x1b[Kdone\n" == capsys.readouterr().err
