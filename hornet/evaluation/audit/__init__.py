"""The audit of a data set: what would spoil training on it, or flatter the figures measured on it. Imports no torch."""

from __future__ import annotations

from hornet.evaluation.audit.embedded import NO_WEIGHTS, Embedding, left_out
from hornet.evaluation.audit.findings import NAMES, Audit, Finding, Note, Outcome, Probe
from hornet.evaluation.audit.run import PARTS, audit

__all__ = [
    "NAMES",
    "NO_WEIGHTS",
    "PARTS",
    "Audit",
    "Embedding",
    "Finding",
    "Note",
    "Outcome",
    "Probe",
    "audit",
    "left_out",
]
