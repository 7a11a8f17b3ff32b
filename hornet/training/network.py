"""ResNet-18 with a two-class head, written so that the heatmap *is* the decision.

The head acts on every place of the last feature map; pooling turns the places' logits into one.
With mean pooling that is the classic average-pool-then-linear head, to the letter.
"""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from hornet.errors import ConfigError

#: Channels of the last feature map.
FEATURES: Final = 512
#: Normalisation of torchvision's ImageNet weights, for channels scaled to 0..1.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
#: Parts of the trunk in order; each ends where features can be cached.
STAGES: Final = ("stem", "layer1", "layer2", "layer3", "layer4")

#: How the logits of places become the logits of a picture; named in the contract.
POOLINGS: Final = ("mean",)


class HornetNet(ResNet):  # type: ignore[misc]  # torchvision is untyped
    """ResNet-18 (He et al. 2016) with dropout and a linear layer for absent / present.

    State dicts have torchvision's names, so that ``torchvision.models.resnet18(num_classes=2)``
    loads them.

    Args:
        dropout: Probability that a feature is zeroed before the linear layer, in training.
        pooling: One of ``POOLINGS``.

    Raises:
        ConfigError: If the pooling isn't known.
    """

    def __init__(self, *, dropout: float = 0.0, pooling: str = "mean") -> None:
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=2)
        if pooling not in POOLINGS:
            raise ConfigError(f"pooling {pooling!r} isn't known; choose from {', '.join(POOLINGS)}")
        self.dropout = nn.Dropout(dropout)
        self.pooling = pooling

    def stage(self, name: str, x: Tensor) -> Tensor:
        """Run one of ``STAGES``: normalised (N, 3, H, W) into the stem, its output into layer1, ..."""
        if name == "stem":
            return cast("Tensor", self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        return cast("Tensor", getattr(self, name)(x))

    def feature_map(self, x: Tensor, *, first: str = "stem") -> Tensor:
        """Return the last feature map (N, 512, h, w).

        Args:
            x: Input of the stage ``first``: for the stem normalised (N, 3, H, W).
            first: Where to enter, when features before it were cached.
        """
        for name in STAGES[STAGES.index(first) :]:
            x = self.stage(name, x)
        return x

    def pool_and_classify(self, features: Tensor) -> Tensor:
        """Return logits (N, 2), absent then present, of a feature map (N, 512, h, w)."""
        # The head is linear, so pooling features first gives the mean of the places' logits, cheaper.
        return cast("Tensor", self.fc(self.dropout(features.mean(dim=(2, 3)))))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 2), absent then present, of normalised pictures (N, 3, H, W)."""
        return self.pool_and_classify(self.feature_map(x))


def normalise(pictures: Tensor) -> Tensor:
    """Turn uint8 pictures (N, H, W, 3) into float32 network input (N, 3, H, W)."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255
    mean = torch.tensor(IMAGENET_MEAN, device=x.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=x.device).view(1, 3, 1, 1)
    return (x - mean) / std
