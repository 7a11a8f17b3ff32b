"""Figures as plain text, for a terminal or a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.slices import most_mistaken
from hornet.evaluation.views import count_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.evaluation.evaluate import Evaluation
    from hornet.evaluation.metrics import Estimate, Quality
    from hornet.evaluation.slices import Slice

#: How people call the figures.
TITLES: Final = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "false_alarms": "false alarms",
    "f1": "F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "stratified_auc": "AUC within strata",
}
_SHOWN_FAILURES: Final = 10
_OF_SPECIES: Final = ("recall", "false_alarms", "f1")


def format_evaluation(evaluation: Evaluation) -> str:
    """Return everything as text of several paragraphs, without a trailing newline."""
    quality = evaluation.overall
    parts = [describe(quality, evaluation.split), _figures(quality)]
    if (views := count_views(evaluation.tta)) > 1:
        parts.insert(
            1,
            f"Test-time augmentation {evaluation.tta}: the logits of {views} views of each picture averaged, at {views} "
            "times the network's cost. predict and serve look once: these aren't their figures, and the threshold is that of one view.",
        )
    if (auc := evaluation.within_strata) is not None:
        parts.append(
            f"Within strata of {', '.join(evaluation.strata)}: AUC {interval(auc)} over {quality.pairs} pairs; "
            f"{evaluation.stratified} of {quality.n} pictures have all of these columns."
        )
    parts.append(_confusion(quality))
    parts.append(unsure_sentence(evaluation))
    if (novel := evaluation.novel()) is not None:
        parts.append(novel_sentence(novel))
    if evaluation.by_source:
        parts.append(_by_source(evaluation.by_source))
    if evaluation.by_species:
        parts.append(_by_species(evaluation.by_species))
    if evaluation.failures:
        lines = [f"{count_pictures(len(evaluation.failures))} could not be read, in none of the figures:"]
        lines += [f"  {f.source}: {f.code}: {f.message}" for f in evaluation.failures[:_SHOWN_FAILURES]]
        if (more := len(evaluation.failures) - _SHOWN_FAILURES) > 0:
            lines.append(f"  and {more} more")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def describe(quality: Quality, split: str) -> str:
    """Say in a sentence what was measured and how."""
    what = "All" if split == "all" else f"Split {split}:"
    text = f"{what} {count_pictures(quality.n)}, {quality.positives} with a hornet, {quality.groups} groups. "
    if quality.interval == UNGROUPED:
        return (
            f"{text}Intervals (95 %) are ungrouped: with fewer than 10 groups they take pictures as "
            "independent, and are too narrow."
        )
    return f"{text}Intervals (95 %) by resampling groups."


def unsure_sentence(evaluation: Evaluation) -> str:
    """Say how many verdicts were unsure."""
    share = evaluation.unsure / evaluation.overall.n
    beyond = "" if evaluation.novelties is None else ", or unlike anything seen"
    return (
        f"Unsure (probability from {evaluation.low:.3f} to below {evaluation.high:.3f}{beyond}): "
        f"{count_pictures(evaluation.unsure)}, {share:.1%}."
    )


def novel_sentence(novel: Mapping[str, Mapping[str, int]]) -> str:
    """Say how many pictures are unlike anything seen, by class, with Wilson's intervals."""
    parts = []
    for name, words in (("present", "with a hornet"), ("absent", "without")):
        beyond, pictures = novel[name]["beyond"], novel[name]["pictures"]
        if pictures:
            low, high = wilson(beyond, pictures)
            parts.append(
                f"{beyond} of {count_pictures(pictures)} {words} ({beyond / pictures:.1%}, {low:.1%} to {high:.1%})"
            )
    return (
        f"Beyond the novelty limit, and so unsure whatever the probability: {', '.join(parts)}. "
        "The figures above are of the probabilities of all pictures."
    )


def count_pictures(count: int) -> str:
    """Return ``1 picture`` or ``12 pictures``."""
    return f"{count} picture{'' if count == 1 else 's'}"


def interval(estimate: Estimate) -> str:
    """Write a figure as ``0.912 (0.887 to 0.934)``, or why there is none."""
    return cell(estimate.to_dict())


def short_cell(estimate: Mapping[str, Any]) -> str:
    """Write it as ``cell`` does, but a missing figure as a dash alone, for wide tables."""
    return cell(estimate) if estimate["value"] is not None else "-"


def cell(estimate: Mapping[str, Any] | None) -> str:
    """Write what ``Estimate.to_dict`` returns as ``0.912 (0.887 to 0.934)``; nothing for None."""
    if estimate is None:
        return ""
    if estimate["value"] is None:
        return f"- ({estimate['reason']})"
    if estimate["low"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns aligned by spaces: the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figures(quality: Quality) -> str:
    return text_table(
        ("figure", "value (95 % interval)"),
        [(TITLES[name], interval(e)) for name, e in quality.metrics.items() if name != "stratified_auc"],
    )


def _confusion(quality: Quality) -> str:
    c = quality.confusion
    rows = [("shows a hornet", str(c.tp), str(c.fn)), ("shows none", str(c.fp), str(c.tn))]
    return text_table((f"at threshold {quality.threshold:.3f}", "called present", "called absent"), rows)


def _by_source(by_source: Mapping[str, Quality]) -> str:
    rows = []
    for source, quality in by_source.items():
        figures = [interval(quality.metrics[name]) for name in ("roc_auc", "f1", "accuracy")]
        mark = "*" if quality.interval == UNGROUPED else ""
        counts = [str(quality.n), str(quality.positives), f"{quality.groups}{mark}"]
        rows.append((source or "(none)", *counts, *figures))
    head = ("source", "pictures", "present", "groups", TITLES["roc_auc"], TITLES["f1"], TITLES["accuracy"])
    note = (
        "\n* fewer than 10 groups: ungrouped intervals, too narrow" if any("*" in r[3] for r in rows) else ""
    )
    return text_table(head, rows) + note


def _by_species(by_species: Mapping[str, Slice]) -> str:
    """Return a line a species, Asian hornets first, then by their false alarms, and which look-alike is mistaken most."""

    def place(name: str) -> tuple[bool, float, str]:
        one = by_species[name]
        alarms = one.metrics.get("false_alarms")
        return not one.positives, -(alarms.value or 0.0) if alarms is not None else 0.0, name

    rows = []
    for name in sorted(by_species, key=place):
        one = by_species[name]
        figures = [cell(e.to_dict()) if (e := one.metrics.get(key)) else "" for key in _OF_SPECIES]
        # A column that is empty in every row is left out below.
        rows.append((name or "(none)", str(one.n), f"{one.groups}{'*' if one.small else ''}", *figures))
    head = ("species", "pictures", "groups", *(TITLES[key] for key in _OF_SPECIES))
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [text_table([head[i] for i in kept], [[row[i] for i in kept] for row in rows])]
    if any(one.small for one in by_species.values()):
        lines.append("* fewer than 10 groups: says little")
    if (worst := most_mistaken(by_species)) is not None:
        alarms, every = by_species[worst].confusion.fp, sum(one.confusion.fp for one in by_species.values())
        lines.append(
            f"Mistaken most: {worst}, {alarms} of {alarms + by_species[worst].confusion.tn} called present; {alarms} of the {every} false alarms."
        )
    return "\n".join(lines)
