"""The contract says everything that was promised, of the right types, and nothing about this machine."""

from __future__ import annotations

import base64
import dataclasses
import io
import json

import pytest
from PIL import Image

from hornet.artifact import Contract
from hornet.errors import ExportMismatch
from hornet.images import PixelRule, decode
from hornet.training import contract as writing
from hornet.training.config import build_config


@pytest.fixture
def contract(contract_values):
    """Return a small whole contract."""
    return Contract.from_json(json.dumps(contract_values))


def test_contract_reads_back_as_it_was_written(contract):
    """What is stored is what was meant."""
    assert contract == Contract.from_json(writing.contract_text(contract))


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", "warm"), ("size", (8,)), ("precision", "float16"), ("golden", (("a", "b"),))],
)
def test_wrong_types_are_named(contract, field, value):
    """A field of another type than the contract's definition stops the export and is named."""
    wrong = dataclasses.replace(contract, **{field: value})

    with pytest.raises(ExportMismatch, match=field):
        writing.contract_text(wrong)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("imagenet", "imagenet"),
        ("/home/someone/secret/start.safetensors", "start.safetensors"),
        ("C:\\Users\\someone\\start.pth", "start.pth"),
    ],
)
def test_settings_name_no_local_place(weights, expected):
    """Of the settings, data and split file are left out, and of a weights file its name is left."""
    settings = writing.portable_settings(
        build_config(
            {"data": "/home/someone/pictures", "split_file": "/home/someone/s.csv", "weights": weights}
        )
    )

    assert expected == settings["weights"]
    assert "someone" not in json.dumps(settings)
    assert not {"data", "split_file"} & set(settings)


def test_software_is_names_and_versions():
    """Versions of what made the file, hornet's own among them."""
    versions = writing.software_versions()

    assert {"hornet", "python", "torch", "onnx", "onnxruntime", "numpy", "pillow"} <= set(versions)
    assert all(version[0].isdigit() for version in versions.values())


def test_golden_examples_are_small_and_take_every_turn():
    """EXIF, grey, progressive and reduced decoding are among them, in a few kilobytes."""
    rule = PixelRule(size=(224, 224))
    pictures = dict(writing.draw_golden(rule))
    opened = {name: Image.open(io.BytesIO(jpeg)) for name, jpeg in pictures.items()}

    assert 4 <= len(pictures) <= 6
    assert sum(len(jpeg) for jpeg in pictures.values()) < 60_000
    assert 6 == opened["hornet turned by EXIF"].getexif()[0x0112]
    assert "L" == opened["wasp in grey"].mode
    assert "progressive" in opened["leaves"].info
    large = pictures["hornet in a large picture"]
    assert decode(large, rule=rule).width < decode(large).width


@pytest.mark.parametrize("size", [(64, 64), (384, 640)])
def test_large_example_is_reduced_at_any_input_size(size):
    """However large the network's input, one example is decoded at reduced scale."""
    rule = PixelRule(size=size)
    large = dict(writing.draw_golden(rule))["hornet in a large picture"]

    assert decode(large, rule=rule).width < decode(large).width


def test_golden_examples_are_the_same_every_time():
    """Two exports carry the same pictures."""
    rule = PixelRule(size=(64, 64))

    assert writing.draw_golden(rule) == writing.draw_golden(rule)


def test_golden_examples_carry_the_precisions_tolerance(contract):
    """Expected probabilities and tolerance go in together."""
    int8 = writing.with_golden(dataclasses.replace(contract, precision="int8"), [("a", b"xyz")], [0.25])

    assert (("a", b"xyz", 0.25),) == tuple(
        (golden.name, base64.b64decode(golden.jpeg), golden.probability) for golden in int8.golden
    )
    assert writing.GOLDEN_TOLERANCE["int8"] == int8.golden_tolerance
    assert writing.GOLDEN_TOLERANCE["float32"] < writing.GOLDEN_TOLERANCE["int8"]
