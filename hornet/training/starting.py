"""Where a retraining starts: the weights, and the bank of what they made of the pictures they learned from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hornet.checksums import check_recorded
from hornet.errors import ConfigError
from hornet.registry import (
    BANK_FILE,
    PACKED,
    PACKED_BANK_NAME,
    PACKED_WEIGHTS_NAME,
    WEIGHTS_FILE,
    packed_path,
)

if TYPE_CHECKING:
    from hornet.registry import Registry

IMAGENET: Final = "imagenet"


def starting_weights(start: str | None, registry: Registry) -> str:
    """Return what ``--weights`` of the training is to be.

    Raises:
        ConfigError: If what was asked for isn't there, or nothing was and there are no float weights.
        ArtifactCorrupt: If the champion's weights were changed.
    """
    if start == IMAGENET:
        return IMAGENET
    if start is not None:
        path = Path(start)
        path = path / WEIGHTS_FILE if path.is_dir() else path
        if not path.is_file():
            raise ConfigError(
                f"--from {start}: no run folder with weights.safetensors and no file of weights"
            )
        return str(path)
    champion = registry.index().champion
    kept = registry.weights_path(champion) if champion else packed_path(PACKED_WEIGHTS_NAME)
    if kept is None:
        raise ConfigError(
            f"the champion ({champion or PACKED}) has no float weights here to start from; pass --from with a run "
            "folder, a file of weights (models/hornet-resnet18.safetensors of a checkout), or imagenet"
        )
    check_recorded(kept)
    return str(kept)


def starting_bank(start: str | None, registry: Registry) -> Path | None:
    """Return the bank of the run to start from, else the champion's; None where there is none."""
    if start is not None and (Path(start) / BANK_FILE).is_file():
        return Path(start) / BANK_FILE
    champion = registry.index().champion
    path = registry.bank_path(champion) if champion else packed_path(PACKED_BANK_NAME)
    if path is not None:
        check_recorded(path)
    return path
