"""The audit's sentences in English: a function a finding, from its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.audit import english_shortcuts as shortcuts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Facts = Mapping[str, Any]
    Sentence = Callable[[Facts], str]

_SHOWN = 3  # examples in a sentence
_LONGEST = 48  # characters of a name in a sentence
_PARTS = {"train": "train", "validation": "validation", "test": "test"}
_COLUMNS = {
    "split": (
        "split",
        "Figures on it mean little. Empty the column split and deal anew: hornet data import DATA --split --out NEW.csv.",
    ),
    "source": (
        "source",
        (
            "A model can learn the source instead of the hornet: add pictures of the other class from there, and look at "
            "the figures within sources (hornet evaluate --stratum source)."
        ),
    ),
    "camera": (
        "camera",
        (
            "A model can learn the place instead of the hornet: add pictures of the other class from there, and look at "
            "the figures within cameras (hornet evaluate --stratum camera)."
        ),
    ),
    "day": (
        "day",
        (
            "A model can learn light and weather instead of the hornet: add pictures of the other class from such days, "
            "and look at the figures within days (hornet evaluate --stratum camera,day)."
        ),
    ),
    "hour": (
        "hour",
        (
            "A model can learn the light instead of the hornet: add pictures of the other class from that time of day, "
            "and look at the figures within days (hornet evaluate --stratum camera,day)."
        ),
    ),
}


def shortened(name: str) -> str:
    """Return a path that fits a sentence and a terminal: its end tells it apart."""
    name = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
    return name if len(name) <= _LONGEST else f"...{name[-_LONGEST:]}"


def count(number: int, noun: str) -> str:
    """Return ``1 picture`` or ``2 pictures``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def few(names: Sequence[str], total: int) -> str:
    """Name the first few, and say how many more there are."""
    shown = [shortened(name) for name in names[:_SHOWN]]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _pair(facts: Facts, told: Callable[[Facts], str]) -> str:
    """Name the first two pictures of the first set."""
    members = facts["examples"][0][:2]
    return " and ".join(f"{shortened(member['path'])}{told(member)}" for member in members)


def _unreadable(facts: Facts) -> str:
    paths = [each["path"] for each in facts["examples"]]
    gone = set(facts["reasons"]) == {"missing"}
    advice = (
        "bring them back, or take their lines out of the manifest"
        if gone
        else "mend or remove them, or train with --skip-unreadable"
    )
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} can't be read ({few(paths, facts['pictures'])}; "
        f"the first: {facts['examples'][0]['error']}). Training stops at them: {advice}."
    )


def _duplicate(facts: Facts) -> str:
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} are the same file under several names "
        f"({count(facts['sets'], 'set')}, such as {_pair(facts, lambda _: '')}). They count more than others: "
        "keep one of each set."
    )


def _near_duplicate(facts: Facts) -> str:
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} are nearly the same as another: resized, saved "
        f"again, or a moment later ({count(facts['sets'], 'set')}, such as {_pair(facts, lambda _: '')}). They "
        "show less than their number says: keep the best of each set, or see that each set lies in one group."
    )


def _label_conflict(facts: Facts) -> str:
    same = f", {facts['identical']} of them in identical files" if facts["identical"] else ""
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} show the same as another with the opposite "
        f"label{same} ({count(facts['sets'], 'set')}, such as {_pair(facts, lambda m: ' (' + m['label'] + ')')}). "
        "Look at both and mend the label, or remove what nobody can decide."
    )


def _leakage(facts: Facts) -> str:
    ways = []
    if facts["identical"]:
        ways.append(f"{facts['identical']} as the same file")
    if facts["alike"]:
        ways.append(f"{facts['alike']} nearly the same")
    if facts["divided"]:
        ways.append(f"{count(facts['divided'], 'group')} divided, such as {shortened(facts['groups'][0])}")
    if facts["related"]:
        ways.append(f"{facts['related']} by day, series or observation, such as {shortened(facts['kin'][0])}")
    # Twins in two groups would be torn apart again.
    repair = "Empty the columns split and group" if facts["ungrouped"] else "Empty the column split"
    where = f" (such as {_pair(facts, lambda m: ' in ' + _PARTS[m['split']])})" if facts["examples"] else ""
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} that are measured on have a twin or a sibling in "
        f"another part: {'; '.join(ways)}{where}. Figures would be too good. {repair}, and deal "
        "anew: hornet data import DATA --split --out NEW.csv."
    )


def _imbalance(facts: Facts) -> str:
    if facts["column"] is None:
        rare = min(("present", "absent"), key=lambda label: facts[label])
        return (
            f"only {facts[rare]} of {facts['present'] + facts['absent']} pictures are {rare}. A model that never says "
            f"{rare} is right most of the time: add pictures of {rare}, or train with --balance class."
        )
    values = [
        f"{shortened(v['value'])} ({v['present']} present, {v['absent']} absent)" for v in facts["values"]
    ]
    name, advice = _COLUMNS[facts["column"]]
    return (
        f"{count(facts['count'], name)} {'has' if facts['count'] == 1 else 'have'} hardly any but one class: "
        f"{few(values, facts['count'])}; {facts['pictures']} of {facts['of']} pictures. {advice}"
    )


def _pictures(facts: Facts) -> str:
    return (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} {'is' if facts['pictures'] == 1 else 'are'}"
    )


def _tiny(facts: Facts) -> str:
    return (
        f"{_pictures(facts)} smaller than {facts['limit']} px "
        f"({few(facts['examples'], facts['pictures'])}): an insect in them may be too small to tell."
    )


def _look(what: str) -> Sentence:
    return lambda facts: (
        f"{_pictures(facts)} {what} "
        f"({few(facts['examples'], facts['pictures'])}). Look whether they show what their label says."
    )


FINDINGS: Final[dict[str, Sentence]] = {
    "unreadable": _unreadable,
    "duplicate": _duplicate,
    "near-duplicate": _near_duplicate,
    "label-conflict": _label_conflict,
    # Twins in two parts, or a model that is better than it should be.
    "leakage": lambda facts: shortcuts.gap(facts) if "gap" in facts else _leakage(facts),
    "imbalance": _imbalance,
    **shortcuts.FINDINGS,
}

PASSED: Final[dict[str, Sentence]] = shortcuts.PASSED

NOTES: Final[dict[str, Sentence]] = {
    "tiny": _tiny,
    "blank": _look("blank: one colour almost everywhere"),
    "dark": _look("too dark"),
    "bright": _look("too bright"),
    "blurred": _look("far more blurred than the others"),
    "same-moment": lambda facts: (
        f"{count(facts['pictures'], 'picture')} of {facts['of']} were taken by several cameras in the same second and "
        f"have opposite labels ({count(facts['sets'], 'moment')}, such as "
        f"{_pair(facts, lambda m: ' (' + m['label'] + ')')}). If their views overlap, look whether the hornet really "
        "is outside one of them."
    ),
    "file-size": shortcuts.file_size,
    "imagenet": shortcuts.imagenet,
    "left-out": lambda facts: f"{facts['step']} was left out: {facts['why']}.",
}
