"""ServeSettings: read from the environment, checked, documented."""

import dataclasses
from pathlib import Path

import pytest

from hornet.errors import ConfigError
from hornet.serving.problems import CODES
from hornet.serving.settings import ServeSettings, variable

DOCUMENT = (Path(__file__).parents[3] / "docs" / "serving.md").read_text(encoding="utf-8")


def test_nothing_set_is_the_default():
    """An empty environment gives the defaults: this machine only, no keys, no other origins."""
    settings = ServeSettings.from_environment({})

    assert ServeSettings() == settings
    assert ("127.0.0.1", (), (), 0) == (
        settings.host, settings.api_keys, settings.cors_origins, settings.rate_limit,
    )  # fmt: skip


def test_flags_go_before_the_environment():
    """A flag replaces the environment's value, which replaces the default; empty ones count as not given."""
    environment = {
        "HORNET_PORT": "9000",
        "HORNET_HOST": "::1",
        "HORNET_QUEUE": " ",
        "HORNET_BODY_SECONDS": "2.5",
    }
    settings = ServeSettings.from_environment(environment, port=7000, host=None)

    assert (7000, "::1", 64, 2.5) == (settings.port, settings.host, settings.queue, settings.body_seconds)


def test_lists_are_divided_by_commas():
    """Several keys and origins are divided by commas; spaces around them are no part of them."""
    keys = "a" * 16 + ", " + "b" * 20 + ","
    settings = ServeSettings.from_environment(
        {"HORNET_API_KEYS": keys, "HORNET_CORS_ORIGINS": "https://a.org"}
    )

    assert (("a" * 16, "b" * 20), ("https://a.org",)) == (settings.api_keys, settings.cors_origins)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HORNET_PORT", "http"),
        ("HORNET_PORT", "70000"),
        ("HORNET_PORT", "-1"),
        ("HORNET_QUEUE", "0"),
        ("HORNET_QUEUE", "8"),
        ("HORNET_BODY_SECONDS", "nan"),
        ("HORNET_IDLE_SECONDS", "inf"),
        ("HORNET_API_KEYS", "tooquick"),
        ("HORNET_API_KEYS", "é" * 20),
        ("HORNET_CORS_ORIGINS", "example.org"),
        ("HORNET_REPORT_URL", "javascript:alert(1)"),
    ],
)
def test_nonsense_is_refused_by_name(name, text):
    """A value that makes no sense is an error that names the variable; a key isn't repeated in it."""
    with pytest.raises(ConfigError, match=name) as caught:
        ServeSettings.from_environment({name: text})

    assert "KEY" not in name or text not in str(caught.value)


def test_every_setting_says_what_it_is():
    """Every setting has a sentence, and a variable of its own."""
    fields = dataclasses.fields(ServeSettings)

    assert all(field.metadata["says"].endswith(".") for field in fields)
    assert len(fields) == len({variable(field.name) for field in fields})


def test_every_setting_and_code_is_documented():
    """docs/serving.md has a row for each variable, with its sentence, and names every code and its status."""
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ")]

    for field in dataclasses.fields(ServeSettings):
        (row,) = [line for line in rows if f"`{variable(field.name)}`" in line.split("|")[1]]
        assert field.metadata["says"] in row
    for code, (status, _) in CODES.items():
        assert [line for line in rows if f"`{code}`" in line and str(status) in line.split("|")[1]], code
