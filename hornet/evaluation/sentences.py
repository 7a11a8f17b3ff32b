"""Sentences that report and model card share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.evaluation.facts import Facts
    from hornet.evaluation.words import Words


def energy_sentences(document: Mapping[str, Any], words: Words) -> list[str]:
    """Say what training and a thousand predictions took."""
    sentences = []
    if sessions := document.get("training"):
        sentences.append(_energy(words, words("energy.training"), sessions))
    if thousand := document.get("thousand_predictions"):
        sentences.append(_energy(words, words("energy.thousand"), [thousand]))
    return sentences


def licence_sentence(facts: Facts, words: Words) -> list[str]:
    """Say under which licence the model is, if anything is known of that."""
    if not facts.licence:
        return []
    if facts.licence.startswith("not stated"):
        return [words("rights.licence_unstated")]
    return [words("rights.licence", licence=facts.licence)]


def _energy(words: Words, what: str, sessions: Sequence[Mapping[str, Any]]) -> str:
    used, carbon, seconds = (sum(each[name] for each in sessions) for name in ("kwh", "kg_co2", "seconds"))
    parts = sessions[0]["parts"]
    how = ", ".join(
        words("energy.part", part=words(f"energy.{name}"), how=words(f"energy.{part['how']}"))
        for name, part in parts.items()
        if part["how"] != "none"
    )
    return words(
        "energy.sentence", what=what, wh=words.short(1000 * used), grams=words.short(1000 * carbon),
        country=sessions[0]["country"], seconds=words.short(seconds), how=how,
    )  # fmt: skip
