"""The one typed configuration of a training run: from TOML and flags, saved with the run.

Precedence: flag > file > default. Nothing here looks at the disk, the network or the device, except
:func:`load_config` and :func:`save_config`, which read and write the one file they are given.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hornet.errors import ConfigError
from hornet.files import write_atomically
from hornet.images import Box, PixelRule, check_box
from hornet.pooling import Pooling

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Phase two's rate where none is given: what suits each optimiser on a pretrained ResNet-18.
DEFAULT_RATES: Final = {"sgd": 0.02, "momentum": 0.005, "adam": 3e-4, "adamw": 3e-4}

_STRIDE = 32  # a ResNet-18's last map has a 32nd of the input's height and width


Schedule = Literal["constant", "step", "cosine", "cyclic", "plateau"]


class TrainConfig(BaseModel):
    """All that decides what a training run computes.

    The learning rate of a group of layers is ``lr`` times ``layer_decay`` to the power of its distance
    from the head; the schedule multiplies all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: Path
    """Folder of class folders, or manifest CSV."""

    # -- what the network sees
    size: tuple[int, int] = (224, 224)
    """Height and width of the network's input, px."""
    resize: Literal["stretch", "pad"] = "stretch"
    """``stretch`` ignores the aspect ratio, ``pad`` keeps it and fills the rest."""
    masks: tuple[Box, ...] = ()
    """Rectangles x0, y0, x1, y1 (fractions) that are filled in every picture."""
    mask_text: bool = False
    """Look for burnt-in text before the run begins, and add it to ``masks``; the run's saved settings have those."""
    pooling: str = "mean"
    """How the logits of all places become the picture's: mean, max, lse:R or top:K."""

    # -- splits
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the groups for early stopping and calibration, where the manifest has no split."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share of the groups that training never sees, where the manifest has no split."""
    group_by: Literal["auto", "day", "burst", "folder", "none"] = "auto"
    """What keeps pictures without a group together, besides videos, observations and likes; see data/README.md."""
    split_file: Path | None = None
    """CSV with the columns path and split: a frozen split, in place of any other."""

    # -- where it starts
    weights: str = "imagenet"
    """``imagenet`` (torchvision's, downloaded), ``none``, or a .pth, .pt or .safetensors file."""
    init: Literal["kaiming", "xavier"] = "kaiming"
    """How tensors that aren't loaded are drawn."""

    # -- how long
    head_epochs: Annotated[int, Field(ge=0)] = 8
    """Most epochs of phase one: head and initialised layers, on cached features."""
    epochs: Annotated[int, Field(ge=0)] = 15
    """Most epochs of phase two: the whole network."""
    patience: Annotated[int, Field(ge=1)] = 4
    """Epochs without a lower validation loss after which a phase ends."""

    # -- how it learns
    batch: Annotated[int, Field(ge=2)] = 32
    """Pictures a step."""
    optimizer: Literal["sgd", "momentum", "adam", "adamw"] = "adamw"
    """``momentum`` is SGD with Nesterov momentum 0.9."""
    lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the head in phase two; where none is given, one that suits the optimiser."""
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of phase one, which always uses AdamW."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    """Decay of weights; biases and normalisation are exempt."""
    head_schedule: Schedule = "cosine"
    """Phase one's rate over its steps."""
    schedule: Schedule = "cosine"
    """Phase two's rate over its steps, after a short warm-up; ``plateau`` looks at the validation loss."""
    plateau_epochs: Annotated[int, Field(ge=1)] = 2
    """Epochs without a lower validation loss after which ``plateau`` divides the rate by 10."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Factor of the rate from one stage down to the next; 1 trains all layers alike."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the features dropped before the linear layer, in training."""
    freeze: Literal["none", "stem", "layer1", "layer2", "layer3", "layer4"] = "none"
    """Last stage that phase two leaves alone: it and those below keep weights and batch statistics."""
    freeze_bn: bool = False
    """Batch normalisation keeps its running statistics, in all layers and both phases, and normalises with
    them; its scale and shift are still trained."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share that a moving average of weights and buffers keeps of itself at a step; the average is
    evaluated and kept. 0: none."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each label that is spread over both classes."""
    class_weights: Literal["none", "balanced"] = "none"
    """``balanced`` weighs the loss by the inverse frequency of the class."""
    balance: Literal["none", "class", "source-class"] = "none"
    """Which pictures an epoch draws: each once; classes equally often; and within a class each source
    in proportion to the square root of its size, so that small ones are seen more."""
    augment: Literal["none", "flip", "flip-crop", "standard", "strong"] = "standard"
    """How much pictures are changed at random in phase two."""
    adversarial: Annotated[int, Field(ge=0, le=255)] = 0
    """Phase two learns from pictures changed against it by up to so many levels of 255; 0: as they are."""
    adversarial_attack: Literal["fgsm", "pgd"] = "fgsm"
    """How: one step from a random start, or several."""

    mixup: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that a picture of phase two is blended with another; the label is blended too."""
    cutmix: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that a rectangle of it is another's; the label is blended by area."""
    mosaic: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that it becomes one tile of a mosaic, which is present if any tile is."""

    # -- on what
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Decides splits, initialisation, order, augmentation and dropout."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of the CPU; a run is bit-identical for one number of them. Default: all cores."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that prepare pictures; changes nothing but the speed. Default: by cores."""
    deterministic: bool = False
    """Only operations that give the same bits each time, on a card too; an error where there is none."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """``auto`` takes CUDA, else Apple's MPS, else the CPU."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """``bfloat16`` computes matrices and convolutions so (weights stay float32): about 3 times as fast
    on CPUs made for it. ``auto`` does that on CUDA where the card can. ``float16``, for
    older cards, scales losses and gradients; CUDA only."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 10.0
    """A checkpoint is written at the end of every epoch, and within one whenever the last is this old;
    0: after every step."""
    cache: str | None = None
    """Folder in which decoded pictures are kept from run to run, or ``none``; changes nothing but the speed.
    Default: ``HORNET_CACHE``, else the user's cache folder."""
    tensorboard: bool = False
    """Write what TensorBoard shows into the run's folder."""
    energy: str | None = None
    """Country (ISO 3166, three letters) with whose electricity energy and CO2 are counted; None: not."""
    skip_unreadable: bool = False
    """Leave pictures out that can't be read, instead of stopping."""

    @field_validator("masks")
    @classmethod
    def _masks_are_boxes(cls, masks: tuple[Box, ...]) -> tuple[Box, ...]:
        for mask in masks:
            try:
                check_box(mask)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return masks

    @field_validator("pooling")
    @classmethod
    def _pooling_is_known(cls, pooling: str) -> str:
        try:
            Pooling.parse(pooling)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return pooling

    @field_validator("size")
    @classmethod
    def _size_is_large_enough(cls, size: tuple[int, int]) -> tuple[int, int]:
        if min(size) < _STRIDE:
            raise ValueError(f"{size[0]}x{size[1]} is too small: at least {_STRIDE} px each way")
        return size

    @model_validator(mode="after")
    def _something_is_left(self) -> TrainConfig:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation} + test {self.test} leave nothing to train on")
        if self.weights == "none" and self.epochs == 0:
            raise ValueError("without weights there is no phase one, so epochs must be at least 1")
        if self.weights == "none" and self.freeze != "none":
            raise ValueError(f"freeze {self.freeze} would keep random weights: load some, or freeze none")
        if self.mixup + self.cutmix + self.mosaic > 1:
            raise ValueError("mixup, cutmix and mosaic exclude each other: together at most 1")
        if "plateau" in {self.schedule, self.head_schedule} and self.plateau_epochs >= self.patience:
            raise ValueError(
                f"plateau_epochs {self.plateau_epochs} must be less than patience {self.patience}: else training "
                "stops before the rate falls"
            )
        return self

    @property
    def rate(self) -> float:
        """Learning rate of the head in phase two."""
        return DEFAULT_RATES[self.optimizer] if self.lr is None else self.lr

    @property
    def pixel_rule(self) -> PixelRule:
        """How bytes become the network's input in this run and in what it exports."""
        return PixelRule(size=self.size, resize=self.resize, masks=self.masks)


def build_config(given: Mapping[str, Any], file: Path | None = None) -> TrainConfig:
    """Put a configuration together.

    Args:
        given: What the caller asked for; wins over the file.
        file: TOML file with the names of :class:`TrainConfig`; None for defaults only.

    Raises:
        ConfigError: If the file can't be read, a name is unknown or a value makes no sense.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: not valid TOML: {error}") from None
    values.update(given)
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, file)) from None


def load_config(file: Path) -> TrainConfig:
    """Read the configuration saved with a run.

    Raises:
        ConfigError: If it can't be read or isn't one.
    """
    return build_config({}, file)


def save_config(config: TrainConfig, file: Path) -> None:
    """Write ``config`` as TOML; fields that are None are left out."""
    import tomli_w

    # Whole or not at all: a run that was killed before its first checkpoint begins anew from it.
    write_atomically(file, tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)).encode())


def _explain(error: ValidationError, file: Path | None) -> str:
    """Say in one line a problem which settings are wrong and what to do."""
    problems = []
    for detail in error.errors(include_url=False):
        name = ".".join(str(part) for part in detail["loc"][:1])
        if detail["type"] == "extra_forbidden":
            near = get_close_matches(name, TrainConfig.model_fields, n=1)
            advice = (
                f"did you mean {near[0]}?" if near else f"known are {', '.join(TrainConfig.model_fields)}"
            )
            problems.append(f"{name}: no such setting; {advice}")
        elif detail["type"] == "missing":
            problems.append(f"{name}: must be given")
        else:
            message = detail["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {message}" if name else message)
    where = f"{file}: " if file is not None else ""
    return where + "; ".join(problems)
