"""Pictures side by side, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.decision import CLASSES
from hornet.evaluation.plots import COLOURS, new_figure, save_figure

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_GREY: Final = 128


def attack_examples(
    clean: NDArray[np.float64], attacked: NDArray[np.float64], labels: NDArray[np.int64], count: int
) -> list[int]:
    """Choose the pictures whose probability moved most towards the wrong side, of both classes in turn."""
    moved = np.where(labels == 1, clean - attacked, attacked - clean)
    by_class = [[int(i) for i in np.argsort(-moved, kind="stable") if labels[i] == c] for c in (1, 0)]
    turns = [i for pair in zip(*by_class, strict=False) for i in pair]
    rest = [i for members in by_class for i in members if i not in set(turns)]
    return (turns + rest)[:count]


def draw_attack(
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    labels: NDArray[np.int64],
    file: Path,
    *,
    title: str,
) -> None:
    """Draw each picture, what was changed, and the result, with the probabilities of presence.

    Args:
        pictures: Before and after, uint8 (N, H, W, 3).
        probabilities: Before and after, (N,).
        labels: What they show, (N,).
        file: PNG to write.
        title: What was done.
    """
    before, after = pictures
    change = after.astype(np.int16) - before
    gain = max(1, _GREY // max(int(np.abs(change).max()), 1))
    amplified = np.clip(_GREY + gain * change, 0, 255).astype(np.uint8)
    figure, axes = new_figure(8.2, 1.0 + 2.9 * len(labels), max(1, len(labels)), 3)
    figure.suptitle(title)
    for row, (label, was, now) in enumerate(zip(labels, *probabilities, strict=True)):
        shown = (before[row], amplified[row], after[row])
        names = (
            f"{CLASSES[label]}: probability {was:.3f}",
            f"change, {gain} times, around grey",
            f"attacked: probability {now:.3f}",
        )
        for axis, picture, name in zip(axes[row], shown, names, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_title(name, fontsize=10)
            axis.set_axis_off()
        axes[row][2].title.set_color(COLOURS[1])
    save_figure(figure, file)
