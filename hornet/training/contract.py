"""The contract of a new artifact: gathered from the run, checked field by field, free of local paths."""

from __future__ import annotations

import base64
import importlib.metadata
import io
import platform
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageFilter
from pydantic import TypeAdapter, ValidationError

import hornet
from hornet.artifact import CONTRACT_VERSION, Contract, Golden
from hornet.dataset import SPLITS
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.decision import CLASSES
from hornet.errors import ExportMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.dataset import Dataset
    from hornet.images import PixelRule
    from hornet.training.config import TrainConfig

#: Largest difference of probability that is still the same answer, by precision. Floats differ between
#: processors by rounding, JPEG decoders by a grey level; in 8 bits that can move a value to the next step: the
#: same int8 file with and without onnxruntime's fused kernels differed by up to 0.009.
GOLDEN_TOLERANCE: Final = {"float32": 1e-3, "int8": 0.03}
#: The same of novelty, as a share of it where it is above 1: with and without fused kernels an int8 file differed by
#: up to 0.008 on 66 pictures.
NOVELTY_TOLERANCE: Final = {"float32": 5e-3, "int8": 0.1}

_PACKAGES: Final = (
    "torch",
    "torchvision",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "numpy",
    "pillow",
    "albumentations",
)
# Settings that name places on this machine; the fingerprint says what the data were.
_LOCAL_SETTINGS: Final = frozenset(
    {"data", "split_file", "cache", "checkpoint_minutes", "tensorboard", "energy"}
)
_DRAWING = (160, 120)


@dataclass(frozen=True, slots=True)
class Rights:
    """Under which terms an artifact is handed on.

    Attributes:
        licence: Of the model file.
        provenance: Where weights and pictures come from.
    """

    licence: str
    provenance: str


def draft_contract(
    config: TrainConfig,
    calibration: Mapping[str, Any],
    dataset: Dataset,
    weights: Mapping[str, Any],
    rights: Rights,
) -> Contract:
    """Gather what is known before the exported file is measured.

    Args:
        config: The run's settings.
        calibration: Content of the run's `calibration.json`.
        dataset: The run's pictures with their splits.
        weights: What the weights' file says about itself: size, mean, ...
        rights: Licence and provenance.

    Returns:
        A float32 contract with the run's temperature and threshold, without quality and golden examples.
    """
    threshold = float(calibration["decision_threshold"])
    return Contract(
        version=CONTRACT_VERSION,
        classes=CLASSES,
        size=(int(weights["size"][0]), int(weights["size"][1])),
        resize=weights["resize"],
        draft_margin=float(weights["draft_margin"]),
        exif="upright",
        masks=tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in weights["masks"]),
        fill=tuple(weights["fill"]),
        tiling=None,
        mean=tuple(weights["mean"]),
        std=tuple(weights["std"]),
        pooling=weights["pooling"],
        temperature=float(calibration["temperature"]),
        prior_shift=0.0,
        decision_threshold=threshold,
        low=threshold,
        high=threshold,
        precision="float32",
        training={
            "prevalence": calibration["training_prevalence"],
            "fingerprint": calibration["fingerprint"],
            "splits": split_sizes(dataset),
            "groups": calibration["groups"],
            "sources": calibration["sources"],
            "best": calibration["best"],
            "settings": portable_settings(config),
        },
        quality={},
        software=software_versions(),
        licence=rights.licence,
        provenance=rights.provenance,
        golden=(),
        golden_tolerance=GOLDEN_TOLERANCE["float32"],
    )


def contract_text(contract: Contract) -> str:
    """Return the JSON to store, after checking every field's type and that it reads back the same.

    Raises:
        ExportMismatch: If a field has another type than the contract's definition says.
    """
    text = contract.to_json()
    try:
        TypeAdapter(Contract).validate_json(text, strict=True)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        )
        raise ExportMismatch(f"the contract can't be written: {wrong}. Train the run again") from None
    if Contract.from_json(text) != contract:
        raise ExportMismatch("the contract doesn't read back as it was written. Train the run again")
    return text


def split_sizes(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Count the pictures of each class in each split."""
    labels = {split: [record.label for record in dataset.subset(split).records] for split in SPLITS}
    return {
        split: {name: values.count(number) for number, name in enumerate(CLASSES)}
        for split, values in labels.items()
    }


def portable_settings(config: TrainConfig) -> dict[str, Any]:
    """Return the run's settings without places on this machine; of a weights file only its name is left."""
    settings = config.model_dump(mode="json", exclude=set(_LOCAL_SETTINGS), exclude_none=True)
    settings["weights"] = PurePath(config.weights.replace("\\", "/")).name
    return settings


def software_versions() -> dict[str, str]:
    """Return the versions of what makes an artifact, by package; of packages that aren't there nothing."""
    versions = {"hornet": hornet.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def draw_golden(rule: PixelRule) -> tuple[tuple[str, bytes], ...]:
    """Draw the golden examples: small files that take every turn on the way from bytes to pixels.

    Args:
        rule: The contract's; one picture is large enough for its reduced decoding.

    Returns:
        Name and JPEG of each.
    """
    large = draw("hornet", seed=11, size=_DRAWING)
    # Enlarged rather than drawn large, and free of noise: a small file in spite of its size.
    if rule.draft_margin > 0:
        needed = 2.1 * rule.draft_margin * max(rule.size[0] / large.height, rule.size[1] / large.width)
        enlarged = (round(large.width * needed), round(large.height * needed))
        large = large.filter(ImageFilter.GaussianBlur(1)).resize(enlarged, Image.Resampling.BICUBIC)
    return (
        ("hornet", encode_jpeg(draw("hornet", seed=2, size=_DRAWING))),
        ("hornet turned by EXIF", encode_jpeg(draw("hornet", seed=3, size=_DRAWING), orientation=6)),
        ("hornet in a large picture", encode_jpeg(large, quality=30)),
        ("wasp in grey", encode_jpeg(draw("wasp", seed=4, size=_DRAWING).convert("L"))),
        ("bee", encode_jpeg(draw("bee", seed=5, size=_DRAWING))),
        ("leaves", _progressive(draw("leaves", seed=6, size=_DRAWING))),
    )


def with_golden(
    contract: Contract,
    pictures: Sequence[tuple[str, bytes]],
    probabilities: Sequence[float],
    novelties: Sequence[float | None] | None = None,
) -> Contract:
    """Return the contract with these golden examples and what is expected of them."""
    novelties = [None] * len(pictures) if novelties is None else novelties
    golden = tuple(
        Golden(name, base64.b64encode(jpeg).decode("ascii"), float(probability), novelty)
        for (name, jpeg), probability, novelty in zip(pictures, probabilities, novelties, strict=True)
    )
    return replace(contract, golden=golden, golden_tolerance=GOLDEN_TOLERANCE[contract.precision])


def describe_provenance(config: TrainConfig, dataset: Dataset) -> str:
    """Say where weights and pictures come from, as far as the run knows."""
    start = {
        "imagenet": "torchvision's ResNet18_Weights.IMAGENET1K_V1",
        "none": "random weights",
    }.get(config.weights, f"the weights file {PurePath(config.weights.replace(chr(92), '/')).name}")
    sources = sorted({record.source for record in dataset.records} - {""})
    pictures = f"{len(dataset)} labelled pictures" + (f" of {', '.join(sources)}" if sources else "")
    return f"ResNet-18 trained from {start} on {pictures}; golden examples drawn by hornet."


def _progressive(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, progressive=True)
    return buffer.getvalue()
