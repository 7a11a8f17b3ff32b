"""Figures on corrupted pictures as text and as curves."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from hornet.evaluation.corruptions import at_reference, corrupt
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.plots import COLOURS, MARKERS, new_figure, save_figure
from hornet.evaluation.robustness import AVERAGED, KEPT
from hornet.evaluation.tables import TITLES, cell, short_cell, text_table
from hornet.images import decode, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hornet.evaluation.metrics import Estimate, Quality
    from hornet.evaluation.robustness import Corruptions

PLOT: Final = "corruptions.png"
SHEET: Final = "examples.png"
_SIDE: Final = 160  # of each example's short side, px
_MARGIN: Final = 80  # for the names, px
_DRAWN: Final = ("roc_auc", "f1", "false_alarms")
_COLUMNS: Final = 4


def format_corruptions(result: Corruptions) -> str:
    """Return means by corruption, then every severity, as text without a trailing newline."""
    clean = result.clean
    titles = [TITLES[figure] for figure in AVERAGED]
    how = "ungrouped, too narrow" if clean.interval == UNGROUPED else "by resampling groups"
    severities = ", ".join(map(str, result.severities))
    opening = (
        f"Corrupted, {clean.n} pictures, at a short side of {result.side} px and threshold {clean.threshold:.3f}; "
        f"intervals (95 %) {how}.\nMeans over severities {severities}:"
    )
    rows = [["as they are", *(short_cell(clean.metrics[figure].to_dict()) for figure in AVERAGED)]]
    for name, means in result.means.items():
        rows.append([name, *(short_cell(means[figure].to_dict()) for figure in AVERAGED)])
    rows.append(["mean corruption", *(short_cell(result.mean[figure].to_dict()) for figure in AVERAGED)])
    rows.append(
        ["  share of clean", *(cell(result.kept[f].to_dict()) if f in KEPT else "" for f in AVERAGED)]
    )
    every = [
        [
            name,
            str(severity),
            *(short_cell(result.qualities[name, severity].metrics[f].to_dict()) for f in AVERAGED),
        ]
        for name, severity in result.qualities
    ]
    parts = [
        f"{opening}\n{text_table(('corruption', *titles), rows)}",
        text_table(("corruption", "severity", *titles), every),
    ]
    if any(e.value is not None and e.low == e.high for q in result.qualities.values() for e in _shown(q)):
        parts.append(
            "An interval of no width: all groups agree, and resampling them can't show what never happened."
        )
    return "\n\n".join(parts)


def _shown(quality: Quality) -> list[Estimate]:
    return [quality.metrics[figure] for figure in AVERAGED]


def plot_corruptions(result: Corruptions, folder: Path) -> Path:
    """Draw a panel a corruption: AUC, F1 and false alarms against the severity, 0 being the pictures as they are.

    Args:
        result: The figures.
        folder: Where ``corruptions.png`` goes; made if it isn't there.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = list(result.means)
    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = new_figure(0.6 + 3.0 * columns, 1.2 + 2.6 * rows, rows, columns)
    panels = [axis for line in axes for axis in line]
    severities = (0, *result.severities)
    for axis, name in zip(panels, names, strict=False):
        qualities = [result.clean, *(result.qualities[name, s] for s in result.severities)]
        for place, key in enumerate(_DRAWN):
            _curve(axis, severities, [quality.metrics[key] for quality in qualities], place, TITLES[key])
        axis.set_title(name, fontsize=11)
        axis.set(xlabel="severity (0: as they are)", ylim=(-0.02, 1.02))
        axis.set_xticks(severities)
        axis.grid(color="0.85")
        axis.set_axisbelow(True)
    for axis in panels[len(names) :]:
        axis.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(_DRAWN), fontsize=9)
    clean = result.clean
    figure.suptitle(
        f"{clean.n} pictures, {clean.positives} with a hornet, {clean.groups} groups; threshold "
        f"{clean.threshold:.3f}; 95 % intervals",
        fontsize=11,
    )
    save_figure(figure, folder / PLOT)
    return folder / PLOT


def draw_examples(
    file: Path, corruptions: Sequence[str], severities: Sequence[int], folder: Path, *, seed: int = 0
) -> Path:
    """Draw what becomes of one picture: a line a corruption, a column a severity, at the left the picture as it is.

    Args:
        file: The picture.
        corruptions: Names.
        severities: 1 to 5.
        folder: Where ``examples.png`` goes; made if it isn't there.
        seed: That of the measurement.

    Returns:
        The file. Drops, directions and clouds are those that were measured; the scale is that of the drawing.

    Raises:
        ImageError: If the picture can't be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = read_file(file)
    content = hashlib.sha256(data).digest()
    image = at_reference(decode(data), _SIDE)
    width, height = image.size
    sheet = Image.new("RGB", (_MARGIN + width * (1 + len(severities)), height * len(corruptions)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, name in enumerate(corruptions):
        pen.text((6, row * height + height // 2 - 6), name, "black")
        sheet.paste(image, (_MARGIN, row * height))
        for column, severity in enumerate(severities, start=1):
            spoilt = corrupt(image, name, severity, content=content, seed=seed)
            sheet.paste(spoilt, (_MARGIN + column * width, row * height))
    sheet.save(folder / SHEET, optimize=True)
    return folder / SHEET


def _curve(
    axis: object, severities: tuple[int, ...], estimates: list[Estimate], place: int, label: str
) -> None:
    """Draw a figure with its intervals where it is defined."""
    known = [
        (s, e.value, e.low, e.high) for s, e in zip(severities, estimates, strict=True) if e.value is not None
    ]
    below = [0.0 if low is None else max(0.0, value - low) for _, value, low, _ in known]
    above = [0.0 if high is None else max(0.0, high - value) for _, value, _, high in known]
    axis.errorbar(  # type: ignore[attr-defined]
        [s + 0.06 * (place - 1) for s, *_ in known], [value for _, value, *_ in known], yerr=(below, above),
        color=COLOURS[place], marker=MARKERS[place], markersize=4, linewidth=1.3, capsize=2, label=label,
    )  # fmt: skip
