"""Patterns as a shell expands them, for where no shell did: Windows, quotes, programs."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import TYPE_CHECKING, Final

from hornet.inference.folders import FOLDER, LINKED_FOLDER, list_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAGIC: Final = re.compile(r"[*?\[]")


def expand_glob(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield (path, is a folder) for everything that matches, each once, in the order of a scan.

    ``*``, ``?`` and ``[...]`` stay within one name and don't match a leading dot; ``**`` stands for any
    number of folders, linked and hidden ones left out. Below a folder that matches nothing further is
    looked for: scanning it finds its pictures.
    """
    magic = MAGIC.search(pattern)
    start = magic.start() if magic else len(pattern)
    separators = [os.sep, os.altsep] if os.altsep else [os.sep]
    # What stands before the first special character stays as typed.
    root_end = max(pattern.rfind(separator, 0, start) for separator in separators) + 1
    parts = [
        part for part in re.split("[" + re.escape("".join(separators)) + "]", pattern[root_end:]) if part
    ]
    matchers = [None if part == "**" else _matcher(part) for part in parts]
    hidden = any(part.startswith(".") for part in parts)

    stack = [(pattern[:root_end], _entries(pattern[:root_end], hidden=hidden), _closure({0}, matchers))]
    while stack:
        folder, entries, states = stack[-1]
        name, kind = next(entries, ("", ""))
        if not name:
            stack.pop()
            continue
        after = _step(states, name, kind, matchers)
        is_folder = kind in {FOLDER, LINKED_FOLDER}
        if len(parts) in after:
            yield folder + name, is_folder
        elif is_folder and after:
            stack.append((folder + name + os.sep, _entries(folder + name, hidden=hidden), after))


def _entries(folder: str, *, hidden: bool) -> Iterator[tuple[str, str]]:
    try:
        return iter(list_folder(folder, hidden=hidden))
    except OSError:
        return iter(())  # as in a shell, what can't be listed matches nothing


def _matcher(part: str) -> Callable[[str], object]:
    """Return what tells whether a name matches one part of a pattern."""
    match = re.compile(fnmatch.translate(os.path.normcase(part))).match
    if part.startswith("."):
        return lambda name: match(os.path.normcase(name))
    return lambda name: not name.startswith(".") and match(os.path.normcase(name))


def _step(
    states: set[int], name: str, kind: str, matchers: Sequence[Callable[[str], object] | None]
) -> set[int]:
    """Return how many parts of the pattern may be used up after one more name."""
    below: set[int] = set()  # the name is one of those that ** stands for
    matched: set[int] = set()
    for state in states:
        if state == len(matchers):
            continue
        matcher = matchers[state]
        if matcher is None:
            if not name.startswith(".") and kind != LINKED_FOLDER:
                below.add(state)
        elif matcher(name):
            matched.add(state + 1)
    if kind in {FOLDER, LINKED_FOLDER}:
        return _closure(below | matched, matchers)
    # a/** is what lies in a: a file of that name isn't in itself.
    return _closure(below, matchers) | matched


def _closure(states: set[int], matchers: Sequence[Callable[[str], object] | None]) -> set[int]:
    """Add the states reached by letting ``**`` stand for nothing."""
    for state in sorted(states):
        following = state
        while following < len(matchers) and matchers[following] is None:
            following += 1
            states.add(following)
    return states
