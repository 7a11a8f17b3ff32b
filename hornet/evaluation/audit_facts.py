"""What an audit wrote down, as a report shows it: sentences in every language, and examples as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.audit.sentences import finding_sentence, note_sentence, passed_sentence
from hornet.evaluation.facts import AuditFacts, AuditFinding
from hornet.evaluation.illustrations import thumbnail
from hornet.evaluation.words import ENGLISH, FRENCH, keep_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hornet.dataset.records import Record
    from hornet.evaluation.facts import Illustration
    from hornet.evaluation.words import Said

#: Examples of a finding; the audit names more in its JSON.
_SHOWN: Final = 4


def audit_facts(
    document: Mapping[str, Any], records: Iterable[Record], *, with_pictures: bool = True
) -> AuditFacts:
    """Put an audit's JSON into words.

    Args:
        document: ``Audit.to_dict()``, perhaps of another version of hornet.
        records: The pictures, for examples; those that aren't among them are left out.
        with_pictures: Whether examples are shown.
    """
    known = {record.name: record for record in records} if with_pictures else {}
    return AuditFacts(
        tuple(
            AuditFinding(
                str(found["name"]),
                _said(finding_sentence, found, found.get("facts", {})),
                _examples(found, known),
                _share(found.get("facts", {})),
            )
            for found in document["findings"]
        ),
        tuple(
            _said(passed_sentence, probe, probe)
            for probe in document.get("probes", ())
            if not probe.get("found")
        ),
        tuple(
            _said(note_sentence, {**note, "name": note["kind"]}, note.get("facts", {}))
            for note in document.get("notes", ())
        ),
        short=bool(document.get("short")),
    )


def _said(
    sentence: Callable[[str, Mapping[str, Any], str], str], found: Mapping[str, Any], facts: Mapping[str, Any]
) -> Said:
    try:
        name = str(found["name"])
        return {ENGLISH: sentence(name, facts, ENGLISH), FRENCH: keep_together(sentence(name, facts, FRENCH))}
    except (KeyError, IndexError, TypeError, ValueError):
        # Of another version, whose facts have other names; its own sentence still holds.
        return str(found.get("sentence", found["name"]))


def _share(facts: Mapping[str, Any]) -> float:
    """Return what part of the pictures a finding touches; 1 where it doesn't say."""
    touched, of = facts.get("pictures"), facts.get("of")
    return touched / of if isinstance(touched, int) and isinstance(of, int) and of else 1.0


def _examples(found: Mapping[str, Any], known: Mapping[str, Record]) -> tuple[Illustration, ...]:
    names = [name for name in found.get("pictures", ()) if name in known]
    boxes = found.get("facts", {}).get("masks", ())
    shown = (thumbnail(known[name], boxes=[tuple(box) for box in boxes]) for name in names[:_SHOWN])
    return tuple(picture for picture in shown if picture is not None)
