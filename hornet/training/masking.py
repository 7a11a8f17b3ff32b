"""``--mask auto``: the rectangles of burnt-in text become masks of the run, once, before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hornet.evaluation.audit.places import masks_of, text_places

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig


def with_text_masked(
    config: TrainConfig, dataset: Dataset, *, report: Callable[[str], None], live: Callable[[str], None]
) -> TrainConfig:
    """Return the configuration with explicit masks over burnt-in text, if that was asked for.

    What comes back asks no more: a run that goes on, and the model that is exported, have the same masks.

    Args:
        config: Of the run.
        dataset: Its pictures, all splits: text is found without labels.
        report: Told what was found, or that nothing was.
        live: Told how far it is.
    """
    if not config.mask_text:
        return config
    places = text_places(dataset.records, masks=config.masks, seed=config.seed, live=live)
    found = masks_of(places)
    if found:
        listed = ", ".join(" ".join(f"{value:g}" for value in box) for box in found)
        kinds = len({(place.size, place.camera) for place in places})
        report(
            f"--mask auto: burnt-in text in pictures of {kinds} {'size' if kinds == 1 else 'sizes or cameras'}; "
            f"masked in every picture (x0 y0 x1 y1): {listed}"
        )
    else:
        report(
            "--mask auto: no burnt-in text found (it takes 16 pictures of one size and camera to tell); nothing is "
            "masked for it"
        )
    return config.model_copy(update={"masks": (*config.masks, *found), "mask_text": False})
