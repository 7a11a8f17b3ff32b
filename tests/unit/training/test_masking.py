"""``--mask auto``: burnt-in text becomes masks of the run, once."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from hornet.dataset import load_dataset
from hornet.training.config import TrainConfig, load_config
from hornet.training.masking import with_text_masked
from hornet.training.run import train_run


@pytest.fixture
def clocks(tmp_path):
    """Return a folder of 24 pictures with a clock at the bottom right, and the box that all of them fill."""
    rng = np.random.default_rng(0)
    font = ImageFont.load_default(16)
    low, high = [], []
    for number in range(24):
        ground = rng.integers(40, 200, (6, 8, 3)).astype(np.uint8)
        image = Image.fromarray(ground).resize((200, 150), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        text = f"{rng.integers(6, 20):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
        pen.text((196, 146), text, (255, 255, 255), font, anchor="rd", stroke_width=1, stroke_fill=(0, 0, 0))
        box = pen.textbbox((196, 146), text, font, anchor="rd", stroke_width=1)
        low.append((box[0] / 200, box[1] / 150))
        high.append((box[2] / 200, box[3] / 150))
        folder = tmp_path / "data" / ("presence", "absence")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{number:02d}.png")
    return tmp_path / "data", (*np.min(low, axis=0).tolist(), *np.max(high, axis=0).tolist())


def test_text_becomes_a_mask_beside_the_others(clocks):
    """The rectangle is added to those that were given, printed, and covers every clock."""
    folder, (x0, y0, x1, y1) = clocks
    lines: list[str] = []
    config = TrainConfig(data=folder, masks=((0, 0, 0.2, 0.1),), mask_text=True)
    given, found = with_text_masked(
        config, load_dataset(folder), report=lines.append, live=lambda _: None
    ).masks

    assert (0, 0, 0.2, 0.1) == given
    assert found[0] <= x0
    assert found[1] <= y0
    assert (1.0, 1.0) == found[2:]
    assert (x1 - x0) * (y1 - y0) > 0.4 * (1 - found[0]) * (1 - found[1])
    assert " ".join(f"{value:g}" for value in found) in lines[0]


def test_nothing_found_is_said(clocks):
    """Where text is masked already, or pictures are few, nothing is added, and the user reads that."""
    folder, _ = clocks
    lines: list[str] = []
    config = TrainConfig(data=folder, masks=((0.5, 0.5, 1, 1),), mask_text=True)
    dataset = load_dataset(folder)
    again = with_text_masked(config, dataset, report=lines.append, live=lambda _: None)
    few = with_text_masked(config, dataset.select(range(8)), report=lines.append, live=lambda _: None)

    assert [config.masks] * 2 == [again.masks, few.masks]
    assert ["no burnt-in text found" in line for line in lines] == [True, True]


def test_nobody_who_doesnt_ask_gets_a_mask(clocks):
    """Without ``--mask auto`` the configuration is the same object, and no picture is read."""
    config = TrainConfig(data=clocks[0])

    assert config is with_text_masked(config, load_dataset(clocks[0]), report=pytest.fail, live=pytest.fail)


@pytest.mark.slow
def test_the_run_keeps_explicit_masks(clocks, tmp_path):
    """A run's saved settings have the rectangles and ask no more, so that resuming and export have the same."""
    config = TrainConfig(
        data=clocks[0], weights="none", size=(32, 32), epochs=1, batch=8, threads=1, workers=0,
        group_by="none", test=0.0, validation=0.3, mask_text=True,
    )  # fmt: skip
    train_run(config, load_dataset(clocks[0]), tmp_path / "run")
    saved = load_config(tmp_path / "run" / "config.toml")

    assert 1 == len(saved.masks)
    assert not saved.mask_text
