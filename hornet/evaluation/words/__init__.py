"""Everything that a report says, in English and French, and how each of them writes numbers.

Texts lie side by side, so that nobody changes one and forgets the other. What is filled into them (names of files,
numbers) comes ready to be read: this module doesn't touch it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.words.figures import FIGURES
from hornet.evaluation.words.headline import HEADLINE
from hornet.evaluation.words.pictures import PICTURES
from hornet.evaluation.words.run import RUN

if TYPE_CHECKING:
    from hornet.evaluation.metrics import Estimate

ENGLISH: Final = "en"
FRENCH: Final = "fr"

#: A text in one language for all, or one a language.
Said = str | Mapping[str, str]

#: English and French by key; fields in braces are filled in by whoever asks.
TEXTS: Final[Mapping[str, tuple[str, str]]] = {**HEADLINE, **FIGURES, **PICTURES, **RUN}

_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_NARROW: Final = "\N{NARROW NO-BREAK SPACE}"
_OPEN: Final = "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}"
_CLOSE: Final = "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"
# A number and its unit stay on one line.
_UNIT: Final = r"\} (Wh|g|s|min)\b"
_TEN_THOUSAND: Final = 10_000


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        language: ``en`` or ``fr``.
    """

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a text with its fields filled in.

        Raises:
            KeyError: If there is no such text, or a field is missing.
        """
        english, french = TEXTS[key]
        text = re.sub(_UNIT, rf"}}{_NO_BREAK}\1", typeset(french) if self.language == FRENCH else english)
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return key in TEXTS

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return ``key.one`` or ``key.many``, with ``{n}`` filled in; French counts 0 as one, English as many."""
        one = count in {0, 1} if self.language == FRENCH else count == 1
        return self(f"{key}.{'one' if one else 'many'}", n=self.count(count), **values)

    def split(self, name: str) -> str:
        """Return what a set of pictures is called: a split, or a name that somebody gave."""
        return self(f"split.{name}") if self.knows(f"split.{name}") else name

    def say(self, said: Said) -> str:
        """Return a text that somebody else wrote, in this language where it has it, else in English."""
        return said if isinstance(said, str) else said.get(self.language, said[ENGLISH])

    def number(self, value: float, digits: int = 3) -> str:
        """Write a number with this many digits after the point or comma."""
        return self._local(f"{value:.{digits}f}")

    def short(self, value: float) -> str:
        """Write a number with three significant digits."""
        return self._local(f"{value:.3g}")

    def count(self, value: float) -> str:
        """Write a whole number; thousands stand apart (in French from 10 000 on)."""
        text = f"{value:,.0f}"
        if self.language != FRENCH:
            return text
        return text.replace(",", _NARROW) if abs(value) >= _TEN_THOUSAND else text.replace(",", "")

    def percent(self, share: float, digits: int = 0) -> str:
        """Write a share of 1 as a percentage."""
        return self.number(100 * share, digits) + (f"{_NO_BREAK}%" if self.language == FRENCH else "%")

    def between(self, low: float, high: float, digits: int = 3) -> str:
        """Write an interval, which no line breaks."""
        return self._between(self.number(low, digits), self.number(high, digits))

    def percents(self, low: float, high: float, digits: int = 0) -> str:
        """Write an interval of shares, which no line breaks."""
        first = self.number(100 * low, digits) if self.language == FRENCH else self.percent(low, digits)
        return self._between(first, self.percent(high, digits))

    def _between(self, low: str, high: str) -> str:
        return self("interval.between", low=low, high=high).replace(" ", _NO_BREAK)

    def estimate(self, found: Estimate | Mapping[str, Any] | None, *, brief: bool = False) -> str:
        """Write a figure with its interval, or why there is none; nothing for None.

        Args:
            found: An estimate, or its ``to_dict``.
            brief: A dash alone where there is no figure.
        """
        if found is None:
            return ""
        known = found if isinstance(found, Mapping) else found.to_dict()
        if known["value"] is None:
            reason = known.get("reason", "")
            key = f"reason.{reason}"
            told = self(key) if self.knows(key) else reason
            return "\N{EN DASH}" if brief else f"\N{EN DASH} ({told})"
        if known["low"] is None:
            return self.number(known["value"])
        return f"{self.number(known['value'])} ({self.between(known['low'], known['high'])})"

    def share(self, found: Estimate | Mapping[str, Any], digits: int = 0) -> str:
        """Write a share as percentages with its interval; a dash where there is none."""
        known = found if isinstance(found, Mapping) else found.to_dict()
        if known["value"] is None:
            return "\N{EN DASH}"
        text = self.percent(known["value"], digits)
        return (
            text if known["low"] is None else f"{text} ({self.percents(known['low'], known['high'], digits)})"
        )

    def plain(self, value: object) -> str:
        """Write a value of any kind."""
        if value is None:
            return ""
        return self._local(f"{value:.6g}") if isinstance(value, float) else str(value)

    def _local(self, text: str) -> str:
        return text.replace(".", ",") if self.language == FRENCH else text


WORDS: Final = (Words(ENGLISH), Words(FRENCH))


def said(key: str, **values: object) -> dict[str, str]:
    """Return a text in every language, with its fields filled in."""
    return {words.language: words(key, **values) for words in WORDS}


def typeset(text: str) -> str:
    """Set French as printers do: curved apostrophes, spaces that don't break before high punctuation and units."""
    return keep_together(text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}"))


def keep_together(text: str) -> str:
    """Make the spaces unbreakable that French puts before high punctuation and units; other characters stay."""
    text = re.sub(r" ([;!?])", rf"{_NARROW}\1", text)
    text = re.sub(f" ([:%{_CLOSE}])", rf"{_NO_BREAK}\1", text)
    return text.replace(f"{_OPEN} ", f"{_OPEN}{_NO_BREAK}")
