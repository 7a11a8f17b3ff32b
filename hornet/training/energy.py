"""Energy and CO2 of a run and of a thousand predictions, by codecarbon, without a network.

Power is measured where the machine has meters (RAPL on Intel and AMD under Linux, nvidia-smi for cards), and
estimated from the load and the makers' figures elsewhere: memory always is. Which it was is part of the result.
"""

from __future__ import annotations

import json
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import ConfigError, MissingExtra
from hornet.training.runfolder import save_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_METERS: Final = frozenset({"intel_rapl", "intel_power_gadget", "windows_emi"})
_EVERY_S = 5  # between samples of the power
_PREDICTING_S = 3.0
_AT_LEAST = 32  # predictions


@contextmanager
def measuring(country: str) -> Iterator[dict[str, Any]]:
    """Measure what happens inside, on the whole machine.

    Args:
        country: ISO 3166 code of three letters, whose electricity mix counts.

    Yields:
        Filled at the end: kWh, kg of CO2 equivalents, seconds, and how each part was found.

    Raises:
        MissingExtra: If codecarbon isn't installed.
        ConfigError: If the country isn't known.
    """
    try:
        from codecarbon import OfflineEmissionsTracker
        from codecarbon.input import DataSource
    except ImportError:
        raise MissingExtra("carbon", "--energy") from None
    source: Any = DataSource  # untyped
    if country not in source().get_global_energy_mix_data():
        raise ConfigError(f"--energy {country}: no such country; write three letters, such as FRA or DEU")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own parts that it will drop
        tracker = OfflineEmissionsTracker(
            country_iso_code=country,
            measure_power_secs=_EVERY_S,
            save_to_file=False,
            log_level="critical",
            allow_multiple_runs=True,
        )
        tracker.start()
    found: dict[str, Any] = {}
    try:
        yield found
    finally:
        tracker.stop()
        data = tracker.final_emissions_data
        found.update(
            kwh=data.energy_consumed,
            kg_co2=data.emissions,
            seconds=data.duration,
            country=country,
            parts={
                "cpu": {"kwh": data.cpu_energy, "how": _how(tracker, "CPU")},
                "gpu": {"kwh": data.gpu_energy, "how": _how(tracker, "GPU")},
                "memory": {"kwh": data.ram_energy, "how": "estimated"},
            },
        )


def _how(tracker: Any, kind: str) -> str:
    for part in tracker._hardware:  # noqa: SLF001 - nothing public tells
        if type(part).__name__ == kind:
            metered = kind == "GPU" or getattr(part, "_mode", "") in _METERS
            return "measured" if metered else "estimated"
    return "none"


def add_training(file: Path, session: dict[str, Any]) -> None:
    """Add a session of training to ``energy.json``; a run that was resumed has several."""
    document = read_energy(file)
    document.setdefault("training", []).append(session)
    save_json(file, document)


def add_predictions(file: Path, predict: Callable[[], int]) -> None:
    """Measure predicting and write it, scaled to a thousand pictures, beside the training.

    Args:
        file: ``energy.json`` of a run; without one nothing is done.
        predict: Predicts some pictures; returns how many.
    """
    document = read_energy(file)
    if not document:
        return
    count, began = 0, time.monotonic()
    with measuring(document["training"][0]["country"]) as session:
        while count < _AT_LEAST or time.monotonic() - began < _PREDICTING_S:
            count += predict()
    scale = 1000 / count
    document["thousand_predictions"] = {
        **session,
        "pictures_measured": count,
        "kwh": session["kwh"] * scale,
        "kg_co2": session["kg_co2"] * scale,
        "seconds": session["seconds"] * scale,
        "parts": {name: {**part, "kwh": part["kwh"] * scale} for name, part in session["parts"].items()},
    }
    save_json(file, document)


def read_energy(file: Path) -> dict[str, Any]:
    """Return what ``energy.json`` holds; empty if there is none."""
    if not file.is_file():
        return {}
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def describe_energy(file: Path) -> tuple[str, ...]:
    """Return sentences for the model card."""
    document = read_energy(file)
    sentences = []
    if sessions := document.get("training"):
        sentences.append(_sentence("Training", sessions))
    if "thousand_predictions" in document:
        sentences.append(_sentence("A thousand predictions", [document["thousand_predictions"]]))
    return tuple(sentences)


def _sentence(what: str, sessions: list[dict[str, Any]]) -> str:
    energy, carbon, seconds = (sum(each[name] for each in sessions) for name in ("kwh", "kg_co2", "seconds"))
    parts = sessions[0]["parts"]
    how = ", ".join(f"{name} {part['how']}" for name, part in parts.items() if part["how"] != "none")
    return (
        f"{what}: {1000 * energy:.3g} Wh, {1000 * carbon:.3g} g of CO2 equivalents with the electricity of "
        f"{sessions[0]['country']}, {seconds:.3g} s, whole machine ({how})."
    )
