"""From facts to sentences that a beekeeper understands, in English and French. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hornet.evaluation.audit import english, french

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_LANGUAGES = {"en": english, "fr": french}


def finding_sentence(name: str, facts: Mapping[str, Any], language: str) -> str:
    """Say what was found, where, and what to do next."""
    return _say("FINDINGS", name, facts, language)


def passed_sentence(name: str, facts: Mapping[str, Any], language: str) -> str:
    """Say that a probe came out well."""
    return _say("PASSED", name, facts, language)


def note_sentence(kind: str, facts: Mapping[str, Any], language: str) -> str:
    """Say what is worth a look."""
    return _say("NOTES", kind, facts, language)


def _say(table: str, name: str, facts: Mapping[str, Any], language: str) -> str:
    words: ModuleType = _LANGUAGES[language]
    # One line, whatever file names hold.
    return " ".join(str(getattr(words, table)[name](facts)).split())
