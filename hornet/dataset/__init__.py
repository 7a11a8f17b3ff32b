"""Labelled pictures: manifests, class folders, splits without leakage, fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hornet.dataset.fingerprint import file_digest, fingerprint
from hornet.dataset.folders import import_folder
from hornet.dataset.groups import GROUP_BY, Derivation, derive_groups
from hornet.dataset.labels import parse_label, parse_split
from hornet.dataset.manifest import format_masks, parse_masks, read_manifest, write_manifest
from hornet.dataset.overlap import check_unseen
from hornet.dataset.records import (
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Dataset,
    Record,
    check_classes,
    check_splits,
    join_datasets,
)
from hornet.dataset.splits import apply_split_file, split_dataset
from hornet.errors import ManifestInvalid

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "GROUP_BY",
    "SPLITS",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Dataset",
    "Derivation",
    "Record",
    "apply_split_file",
    "check_classes",
    "check_splits",
    "check_unseen",
    "derive_groups",
    "file_digest",
    "fingerprint",
    "format_masks",
    "import_folder",
    "join_datasets",
    "load_dataset",
    "parse_label",
    "parse_masks",
    "parse_split",
    "read_manifest",
    "split_dataset",
    "write_manifest",
]


def load_dataset(source: Path, *, check_files: bool = True) -> Dataset:
    """Read labelled pictures from a folder of class folders or a manifest.

    Args:
        source: Folder, or CSV file.
        check_files: Whether every picture of a manifest must be there.

    Returns:
        The pictures; ``notes`` says which folder was understood as which class.

    Raises:
        ManifestInvalid: If it's neither, or says not clearly which picture has which label.
    """
    if source.is_dir():
        return import_folder(source)[0]
    if not source.exists():
        raise ManifestInvalid(f"{source} isn't there. Name a folder of class folders or a manifest (CSV).")
    return read_manifest(source, check_files=check_files)
