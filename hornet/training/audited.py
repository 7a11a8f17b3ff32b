"""The short form of the audit, at the start of a run: only what costs next to nothing once pictures are cached."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.dataset import file_digest
from hornet.dataset.likeness import SIDE
from hornet.dataset.traces import Trace
from hornet.evaluation.audit.findings import EXAMPLES, Finding, Note
from hornet.evaluation.audit.looks import GREY, Look
from hornet.evaluation.audit.run import PARTS, conclude, gather
from hornet.images import PixelRule, preprocess
from hornet.training.runfolder import save_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.evaluation.audit import Audit
    from hornet.training.pictures import Pictures
    from hornet.training.runfolder import RunFolder

#: Pictures up to which all are compared with all: a few seconds, and 16 kB of memory each.
MOST: Final = 10_000


def audit_pictures(pictures: Pictures, folder: RunFolder, *, report: Callable[[str], None]) -> Audit:
    """Audit the pictures of a run from its cache, warn of what is found, and write ``audit.json``.

    Nothing is decoded and nothing is drawn at random, so that the run itself stays what it is.

    Args:
        pictures: Readable, split, and cached.
        folder: Of the run; its ``unreadable.csv`` says what was left out.
        report: Told what was found, a line each.

    Raises:
        DatasetError: If a picture has gone since it was cached.
    """
    dataset = pictures.dataset
    order = sorted(range(len(dataset)), key=lambda index: dataset.records[index].name)
    looks = [_look(pictures, index) for index in order]
    evidence = gather(dataset.select(order), looks)
    result = conclude(evidence, [part for part in PARTS if part.quick], short=True)
    result = replace(result, findings=(*_left_out(folder, len(dataset)), *result.findings))
    if len(looks) > MOST:
        why = f"with more than {MOST} pictures it takes minutes"
        why_fr = f"au-delà de {MOST} images, elle prend des minutes"
        facts = {
            "step": "the search for near duplicates",
            "step_fr": "la recherche d'images presque identiques",
            "why": why,
            "why_fr": why_fr,
        }
        result = replace(result, notes=(*result.notes, Note("left-out", facts)))
    for finding in result.findings:
        report(f"warning: {finding.name}: {finding.sentence()}")
    for note in result.notes:
        report(f"note: {note.sentence()}")
    masks = "".join(f" --mask {','.join(f'{edge:g}' for edge in box)}" for box in pictures.decoder.rule.masks)
    report(
        f"audit: {len(result.findings) or 'nothing'} found in a quick look; hornet data audit {folder.manifest}{masks} "
        "looks closer, for shortcuts too"
    )
    save_json(folder.audit, result.to_dict())
    return result


def _look(pictures: Pictures, index: int) -> Look:
    """Return what the quick parts need of a picture, from its cached pixels."""
    place = int(pictures.places[index])
    digest = pictures.cache.digests[place] or file_digest(pictures.dataset.records[index].path)
    if len(pictures.dataset) > MOST:
        return Look(Trace(None), digest=digest)
    image = Image.fromarray(np.asarray(pictures.cache.array[place]))
    grey = Image.fromarray(preprocess(image, PixelRule((GREY, GREY)))).convert("L")
    return Look(Trace(preprocess(image, PixelRule((SIDE, SIDE)))), digest=digest, thumbnail=np.asarray(grey))


def _left_out(folder: RunFolder, readable: int) -> tuple[Finding, ...]:
    """Return a finding about the pictures that couldn't be read, if there were any."""
    if not folder.unreadable.is_file():
        return ()
    with folder.unreadable.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = sorted((row["path"], row["error"]) for row in csv.DictReader(file))
    facts = {
        "pictures": len(rows),
        "of": readable + len(rows),
        "reasons": dict(sorted(Counter(error.partition(":")[0] for _, error in rows).items())),
        "examples": [{"path": name, "error": error} for name, error in rows[:EXAMPLES]],
    }
    return (Finding("unreadable", facts, tuple(name for name, _ in rows[:EXAMPLES])),)
