"""Splits that share no group: what is measured on was never learned from.

Groups are dealt into folds by scikit-learn's StratifiedGroupKFold; then folds are put together so that each
split comes as near as possible to its share of every class of every source.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from hornet.dataset.labels import LABELS, parse_split
from hornet.dataset.manifest import read_cells
from hornet.dataset.records import (
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Dataset,
    check_classes,
    check_splits,
    few,
)
from hornet.errors import ConfigError, EmptyClass, ManifestInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Shares are met to 5 % before folds are combined, and all 2**20 combinations can be tried.
_FOLDS = 20


def split_dataset(
    dataset: Dataset, *, validation: float = 0.15, test: float = 0.15, seed: int = 0
) -> Dataset:
    """Put every picture into train, validation or test, whole groups at a time.

    An existing split column is kept and checked. Pictures without a split follow their group; the others are
    dealt into the splits that nobody has filled yet, the rest of them into train. If no picture is left for
    validation, some groups of train are taken for it, and a note says so.

    Args:
        dataset: Labelled pictures.
        validation: Wished share of validation among the pictures to deal, 0 for none.
        test: Wished share of test, 0 for none.
        seed: Another seed deals the groups otherwise.

    Raises:
        SplitLeakage: If the existing splits share a group.
        EmptyClass: If a split would lack a class.
        ConfigError: If the shares leave nothing to train on.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ConfigError(
            f"Shares of validation ({validation}) and test ({test}) must be >= 0 and together < 1."
        )
    check_splits(dataset)
    settled = {g: s for g, s in zip(dataset.groups(), dataset.splits(), strict=True) if s}
    splits = np.array([settled.get(group, "") for group in dataset.groups()], dtype=object)
    filled = set(settled.values())
    free = np.flatnonzero(splits == "")
    if len(free):
        shares = {TEST: test, VALIDATION: validation}
        wanted = {split: share for split, share in shares.items() if share > 0 and split not in filled}
        splits[free] = _deal(dataset.select(free), wanted, seed, spare_train=TRAIN in filled)
    train = np.flatnonzero(splits == TRAIN)
    notes: list[str] = []
    if validation > 0 and VALIDATION not in splits and len(train):
        splits[train] = _deal(dataset.select(train), {VALIDATION: validation}, seed)
        notes.append("no picture was marked for validation: some groups of train were taken for it")
    result = dataset.with_splits([str(split) for split in splits]).with_notes(*notes)
    check_classes(result.subset(TRAIN), "The split train")
    if validation > 0:
        check_classes(result.subset(VALIDATION), "The split validation")
    return result


def apply_split_file(dataset: Dataset, path: Path) -> Dataset:
    """Give every picture the split that a file with the columns path and split has for it.

    Paths are compared as they are written in the manifest, or else as files, relative to the split file's
    folder.

    Raises:
        ManifestInvalid: If the file is no such file, or a picture lacks a line, or a line a picture.
        SplitLeakage: If a group lies in two of its splits.
    """
    named: dict[str, str] = {}
    for line, cells in read_cells(path, ("path", "split")):
        split = parse_split(cells["split"])
        if not split:
            raise ManifestInvalid(
                f"{path}, line {line}: unknown split {cells['split']!r}. Use {', '.join(SPLITS)}."
            )
        if named.setdefault(cells["path"], split) != split:
            raise ManifestInvalid(f"{path}, line {line}: {cells['path']!r} has another split further up.")
    located = {_key(path.parent / name): name for name in named}
    used: set[str] = set()
    splits: list[str] = []
    missing: list[str] = []
    for record in dataset.records:
        name = record.name if record.name in named else located.get(_key(record.path))
        if name is None:
            missing.append(record.name)
            continue
        used.add(name)
        splits.append(named[name])
    if missing:
        raise ManifestInvalid(f"{path} has no split for {len(missing)} pictures: {few(missing)}.")
    if unused := [name for name in named if name not in used]:
        raise ManifestInvalid(f"{path} names {len(unused)} pictures that aren't in the data: {few(unused)}.")
    result = dataset.with_splits(splits)
    check_splits(result)
    return result


def _key(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _deal(
    dataset: Dataset, shares: dict[str, float], seed: int, *, spare_train: bool = False
) -> NDArray[np.object_]:
    """Deal whole groups into splits; what no split asks for is train.

    Args:
        dataset: Pictures to deal.
        shares: Wished share of each split; dealt in this order.
        seed: Seed of the folds.
        spare_train: Whether train may be left without a class, because it has pictures from elsewhere.

    Returns:
        A split for each picture, shape (N,).

    Raises:
        EmptyClass: If a class lies in fewer groups than there are splits to fill.
    """
    result = np.full(len(dataset), TRAIN, dtype=object)
    labels, folds = dataset.labels(), _folds(dataset, seed)
    # Rows: what each split should have its share of. Every class of every source, and each class in whole.
    kinds = [labels == c for c in range(len(LABELS))]
    sources = np.array([record.source for record in dataset.records], dtype=object)
    kinds += [(sources == s) & (labels == c) for s in dict.fromkeys(sources) for c in range(len(LABELS))]
    members = np.array([np.bincount(folds[kind], minlength=folds.max() + 1) for kind in kinds])
    totals = members.sum(axis=1)
    left = np.arange(members.shape[1])
    for done, (split, share) in enumerate(shares.items()):
        spare = len(shares) - done - 1 + (not spare_train)
        here = members[:, left]
        holds = (here[: len(LABELS)] > 0).sum(axis=1)
        if holds.min() < spare + 1:
            needy = int(holds.argmin())
            raise EmptyClass(
                f"Pictures labelled {LABELS[needy]} lie in too few groups ({holds[needy]} left) to fill "
                f"{split} and {spare} more splits. Add pictures of other groups, or ask for fewer splits."
            )
        chosen = left[_best(here, share * totals, spare)]
        result[np.isin(folds, chosen)] = split
        left = np.setdiff1d(left, chosen)
    return result


def _best(members: NDArray[np.int64], target: NDArray[np.float64], spare: int) -> NDArray[np.bool_]:
    """Choose the folds whose sum comes nearest to a target, by trying all combinations.

    Args:
        members: Pictures of each kind in each fold, shape (kinds, folds); the first rows are the classes.
        target: Wished pictures of each kind, shape (kinds,).
        spare: Folds that must be left over with each class.

    Returns:
        Which folds, shape (folds,). Each class is among them.
    """
    cost = np.zeros(1 << members.shape[1], dtype=np.float32)
    for kind, (row, wish) in enumerate(zip(members, target, strict=True)):
        weight = 2.0 if kind < len(LABELS) else 1.0  # classes before sources
        cost += np.float32(weight) * np.abs(_subset_sums(row) - np.float32(wish))
        if kind < len(LABELS):
            having = _subset_sums((row > 0).astype(np.int64))
            cost[(having < 1) | ((row > 0).sum() - having < spare)] = np.inf
    best = int(cost.argmin())
    return np.array([best >> fold & 1 for fold in range(members.shape[1])], dtype=bool)


def _subset_sums(values: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the sum of every subset, shape (2**n,); bit i of the position says whether value i is in it."""
    sums = np.zeros(1, dtype=np.float32)
    for value in values:
        sums = np.concatenate([sums, sums + np.float32(value)])
    return sums


def _folds(dataset: Dataset, seed: int) -> NDArray[np.int64]:
    """Return a fold number for each picture, shape (N,); a group is in one fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    names, groups = np.unique(np.array(dataset.groups()), return_inverse=True)
    if len(names) <= _FOLDS:
        return np.random.default_rng(seed).permutation(len(names))[groups]
    kinds = [f"{record.label} {record.source}" for record in dataset.records]
    _, kind, sizes = np.unique(kinds, return_inverse=True, return_counts=True)
    count = min(_FOLDS, int(sizes.max()))
    # Each picture its own group: the plain one does the same and is much faster.
    folder = StratifiedKFold if len(names) == len(groups) else StratifiedGroupKFold
    folds = np.zeros(len(groups), dtype=np.int64)
    with warnings.catch_warnings():
        # "The least populated class has fewer members than folds": a small source may be in few folds.
        warnings.simplefilter("ignore", UserWarning)
        dealt = folder(count, shuffle=True, random_state=seed).split(kind, kind, groups)
        for number, (_, members) in enumerate(dealt):
            folds[members] = number
    return folds
