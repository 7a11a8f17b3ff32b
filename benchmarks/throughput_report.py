"""The table and the plot of throughput.py."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: What the command is compared with, by the rival's name.
NAMES: Final = {
    "hornet": "hornet predict",
    "limit": "the limit",
    "torch": "torch recipe",
    "loop": "onnxruntime loop, float32",
}


def summarize(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return medians of the rounds, and their ranges, as (median, least, most).

    Args:
        document: What throughput.py keeps.
    """
    rounds = document["rounds"]
    sizes = [size for size in rounds[0] if size != "torch_cold"]
    found: dict[str, Any] = {"rounds": len(rounds), "machine": document["machine"], "sizes": {}}
    for size in sizes:
        rates = {name: [rate(entry[size], name) for entry in rounds] for name in NAMES}
        parts = {
            name: [entry[size][name]["a_second"] for entry in rounds] for name in ("decoding", "network")
        }
        found["sizes"][size] = {
            "a_second": {name: _range(values) for name, values in (rates | parts).items()},
            "ratio": {
                name: _range([ours / other for ours, other in zip(rates["hornet"], values, strict=True)])
                for name, values in rates.items()
                if name != "hornet"
            },
            # Where other programs run, too, the time of the processor says more than the wall's.
            "cpu_ratio": _range([cpu_share(entry[size]) for entry in rounds]),
            "cpu_ms": {
                name: _range([1000 * entry[size][name]["cpu_each"] for entry in rounds])
                for name in ("hornet", "decoding", "network", "torch", "loop")
            },
            "memory": document.get("memory", {}).get(size),
        }
    cold = [statistics.median(entry[size]["hornet"]["cold"] for size in sizes) for entry in rounds]
    theirs = [entry["torch_cold"] for entry in rounds]
    found["cold"] = {"hornet": _range(cold), "torch": _range(theirs)}
    found["cold_ratio"] = _range([ours / other for ours, other in zip(cold, theirs, strict=True)])
    return found


def rate(entry: Mapping[str, Any], name: str) -> float:
    """Return pictures a second of a contestant in a round, or the limit that the two parts set."""
    if name == "limit":
        return float(1 / sum(1 / entry[part]["a_second"] for part in ("decoding", "network")))
    return float(entry[name]["a_second"])


def cpu_share(entry: Mapping[str, Any]) -> float:
    """Return the CPU time of decoding and network alone against that of the command."""
    alone = sum(entry[part]["cpu_each"] for part in ("decoding", "network"))
    return float(alone / entry["hornet"]["cpu_each"])


def _range(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)


def show(found: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    header = ["", *(f"{name}" for name in found["sizes"])]

    def row(title: str, cell: Callable[[Mapping[str, Any]], str]) -> list[str]:
        return [title, *(cell(entry) for entry in found["sizes"].values())]

    def spread(values: tuple[float, float, float], digits: int) -> str:
        return f"{values[0]:.{digits}f} ({values[1]:.{digits}f} to {values[2]:.{digits}f})"

    rows = [header, ["---"] * len(header)]
    for name, title in (
        *NAMES.items(),
        ("decoding", "decoding alone, all cores"),
        ("network", "network alone, all cores"),
    ):
        rows.append(
            row(f"{title}, pictures/s", lambda entry, name=name: spread(entry["a_second"][name], 1))  # type: ignore[misc]
        )
    rows.extend(
        row(
            f"`hornet predict` against {NAMES[name]}",
            lambda entry, name=name: spread(entry["ratio"][name], 2),  # type: ignore[misc]
        )
        for name in ("limit", "torch", "loop")
    )
    rows.extend(
        row(f"{title}, CPU ms a picture", lambda entry, name=name: spread(entry["cpu_ms"][name], 1))  # type: ignore[misc]
        for name, title in (
            ("hornet", "hornet predict"),
            ("decoding", "decoding alone"),
            ("network", "network alone"),
            ("torch", "torch recipe"),
            ("loop", "onnxruntime loop"),
        )
    )
    rows.append(row("CPU time of the two parts against the whole", lambda e: spread(e["cpu_ratio"], 2)))
    if all(entry["memory"] for entry in found["sizes"].values()):
        rows.extend(
            row(f"peak memory of {NAMES[name]}, MiB", lambda e, name=name: f"{e['memory'][name]:.0f}")  # type: ignore[misc]
            for name in ("hornet", "torch")
        )
    table = "\n".join("| " + " | ".join(entry) + " |" for entry in rows)
    cold = found["cold"]
    return (
        f"{table}\n\nCold start, one picture: {spread(cold['hornet'], 2)} s, torch recipe {spread(cold['torch'], 2)} s, "
        f"ratio {spread(found['cold_ratio'], 2)}. Medians of {found['rounds']} rounds, in parentheses their range."
    )


def plot(found: Mapping[str, Any], file: Path) -> None:
    """Draw pictures a second by size, on a logarithmic scale, with the range of the rounds."""
    from hornet.evaluation.plots import COLOURS, new_figure, save_figure

    figure, axes = new_figure(8, 4.2)
    axis = axes[0][0]
    sizes = list(found["sizes"])
    width = 0.8 / len(NAMES)
    for place, (name, title) in enumerate(NAMES.items()):
        values = [found["sizes"][size]["a_second"][name] for size in sizes]
        where = [at + (place - (len(NAMES) - 1) / 2) * width for at in range(len(sizes))]
        middle = [value[0] for value in values]
        errors = [
            [value[0] - value[1] for value in values],
            [value[2] - value[0] for value in values],
        ]
        bars = axis.bar(where, middle, width * 0.92, color=COLOURS[place], label=title, yerr=errors)
        axis.bar_label(bars, [f"{value:.0f}" for value in middle], padding=3, fontsize=8)
    axis.set_yscale("log")
    axis.set_ylim(top=axis.get_ylim()[1] * 1.6)
    axis.set_xticks(range(len(sizes)), sizes)
    axis.set_ylabel("pictures a second")
    axis.set_title(
        f"{found['machine']['cpus']} cores ({found['machine']['processor']}), medians of {found['rounds']} rounds"
    )
    axis.legend(frameon=False, fontsize=8)
    axis.grid(axis="y", color="0.85")
    axis.set_axisbelow(True)
    save_figure(figure, file)
