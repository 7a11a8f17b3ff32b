"""One HTML file about a model that needs nothing else: no script, no font, no picture from elsewhere.

It says everything in English and French; a switch that works without a script shows one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hornet.evaluation.card import model_card
from hornet.evaluation.facts import DataRow, Facts, data_rows
from hornet.evaluation.report import gallery, quality, run
from hornet.evaluation.report.curves import curves
from hornet.evaluation.report.page import render_page
from hornet.evaluation.report.slices import slices
from hornet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DataRow", "Facts", "data_rows", "model_card", "render_report", "write_report"]

#: Names of the sections, in their order; each heading is the text ``section.NAME``.
_SECTIONS: Final[dict[str, Callable[[Facts], str]]] = {
    "audit": gallery.audit,
    "figures": quality.figures,
    "confusion": quality.confusion,
    "curves": curves,
    "calibration": quality.calibration,
    "thresholds": quality.thresholds,
    "slices": slices,
    "worst": gallery.mistakes,
    "cells": gallery.cells,
    "training": run.training,
    "robustness": run.robustness,
    "attacks": run.attacks,
    "rivals": run.rivals,
    "energy": run.energy,
    "data": run.data,
    "failures": run.failures,
    "limits": run.limits,
    "rights": run.rights,
    "repeat": run.repeat,
}


def write_report(path: Path, facts: Facts) -> None:
    """Write a report, whole or not at all.

    Args:
        path: The HTML file.
        facts: What to tell.

    Raises:
        OSError: If it can't be written.
    """
    # File names may hold undecodable bytes as lone surrogates: shown as escapes.
    write_atomically(path, render_report(facts).encode("utf-8", "backslashreplace"))


def render_report(facts: Facts) -> str:
    """Return the report as HTML; everything that comes from outside is escaped."""
    told = [(name, f"section.{name}", render(facts)) for name, render in _SECTIONS.items()]
    return render_page(facts.title, quality.verdict(facts), [section for section in told if section[2]])
