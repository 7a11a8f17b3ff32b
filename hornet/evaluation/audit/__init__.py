"""The audit of a data set: what would spoil training on it, or flatter the figures measured on it. Imports no torch."""

from __future__ import annotations

from hornet.evaluation.audit.findings import NAMES, Audit, Finding, Note, Outcome, Probe
from hornet.evaluation.audit.run import PARTS, audit

__all__ = ["NAMES", "PARTS", "Audit", "Finding", "Note", "Outcome", "Probe", "audit"]
