"""The configuration: precedence, what is refused, and that saving keeps everything."""

from pathlib import Path

import pytest

from hornet.errors import ConfigError
from hornet.training.config import TrainConfig, build_config, load_config, save_config


def test_a_given_value_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    """Precedence is flag, file, default."""
    file = tmp_path / "c.toml"
    file.write_text('data = "pictures"\nbatch = 8\nseed = 3\n', encoding="utf-8")

    config = build_config({"batch": 16}, file)

    assert (16, 3, 0.2) == (config.batch, config.seed, config.dropout)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    """Every field survives the TOML file, None and tuples included."""
    config = TrainConfig(
        data=Path("somewhere/a b.csv"),
        size=(96, 128),
        masks=((0.0, 0.0, 0.25, 0.1), (0.7, 0.0, 1.0, 0.1)),
        lr=None,
        weights="/tmp/é.safetensors",
        skip_unreadable=True,
    )
    save_config(config, tmp_path / "config.toml")

    assert config == load_config(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epoch": 3}, "did you mean epochs"),
        ({"batch": 1}, "batch: "),
        ({"size": (16, 224)}, "at least 32 px"),
        ({"masks": ((0.5, 0.0, 0.4, 1.0),)}, "x0 < x1"),
        ({"validation": 0.6, "test": 0.4}, "nothing to train on"),
        ({"weights": "none", "epochs": 0}, "epochs must be at least 1"),
        ({"schedule": "linear"}, "schedule: "),
        ({"schedule": "plateau", "plateau_epochs": 4}, "less than patience 4"),
        ({"head_schedule": "plateau", "plateau_epochs": 9}, "less than patience 4"),
        ({"weights": "none", "freeze": "layer1"}, "would keep random weights"),
        ({"ema": 1.0}, "ema: "),
        ({"seed": -1}, "seed: "),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(given, said):
    """An impossible setting is a ConfigError that says which and what to do."""
    with pytest.raises(ConfigError, match=said):
        build_config({"data": "pictures", **given})


def test_a_missing_or_broken_file_is_named(tmp_path):
    """A configuration file that isn't there, or isn't TOML, is a ConfigError with its name."""
    broken = tmp_path / "broken.toml"
    broken.write_text("batch = = 3", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"absent\.toml: can't be read"):
        build_config({}, tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match=r"broken\.toml: not valid TOML"):
        build_config({}, broken)


def test_every_setting_says_what_it_is():
    """All fields carry their documentation."""
    silent = [name for name, field in TrainConfig.model_fields.items() if not field.description]

    assert [] == silent


def test_the_rate_follows_the_optimiser_unless_it_is_given():
    """Without lr, each optimiser has a rate of its own."""
    plain = TrainConfig(data=Path("x"), optimizer="momentum")

    assert (0.005, 0.1) == (plain.rate, plain.model_copy(update={"lr": 0.1}).rate)


def test_size_and_masks_reach_the_pixel_rule():
    """What the pictures of a run are made by is what its settings say."""
    config = TrainConfig(data=Path("x"), size=(64, 96), resize="pad", masks=((0, 0, 0.5, 0.5),))

    rule = config.pixel_rule

    assert ((64, 96), "pad", ((0, 0, 0.5, 0.5),)) == (rule.size, rule.resize, rule.masks)
