"""ResNet-18 with a two-class head, written so that the heatmap *is* the decision.

The head acts on every place of the last feature map; pooling turns the places' logits into one.
With mean pooling that is the classic average-pool-then-linear head, to the letter; see :mod:`hornet.pooling`
for the others.
"""

from __future__ import annotations

import math
from typing import Final, cast

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from hornet.pooling import Pooling

#: Channels of the last feature map.
FEATURES: Final = 512
#: Normalisation of torchvision's ImageNet weights, for channels scaled to 0..1.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
#: Parts of the trunk in order; each ends where features can be cached.
STAGES: Final = ("stem", "layer1", "layer2", "layer3", "layer4")


class HornetNet(ResNet):  # type: ignore[misc]  # torchvision is untyped
    """ResNet-18 (He et al. 2016) with dropout and a linear layer for absent / present.

    State dicts have torchvision's names, so that ``torchvision.models.resnet18(num_classes=2)``
    loads them.

    Args:
        dropout: Probability that a feature is zeroed before the linear layer, in training.
        pooling: Name of a rule of :mod:`hornet.pooling`.

    Raises:
        ConfigError: If the pooling isn't known.
    """

    def __init__(self, *, dropout: float = 0.0, pooling: str = "mean") -> None:
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=2)
        self.dropout = nn.Dropout(dropout)
        self.pooling = Pooling.parse(pooling)

    def stage(self, name: str, x: Tensor) -> Tensor:
        """Run one of ``STAGES``: normalised (N, 3, H, W) into the stem, its output into layer1, ..."""
        if name == "stem":
            return cast("Tensor", self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        return cast("Tensor", getattr(self, name)(x))

    def parts(self, stage: str) -> list[nn.Module]:
        """Return the modules with weights of one of ``STAGES``."""
        return [self.conv1, self.bn1] if stage == "stem" else [getattr(self, stage)]

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
        """Return logits (N, 2), absent then present, of a feature map (N, 512, h, w).

        Only the difference of the two means anything; with other poolings than the mean they are opposites.
        """
        if self.pooling.kind == "mean":
            # The head is linear, so pooling features first gives the mean of the places' logits, cheaper.
            return cast("Tensor", self.fc(self.dropout(features.mean(dim=(2, 3)))))
        # A dropped feature is dropped at all places, as it is where features are pooled first.
        kept = self.dropout(torch.ones_like(features[:, :, :1, :1]))
        contrast, bias = self.fc.weight[1] - self.fc.weight[0], self.fc.bias[1] - self.fc.bias[0]
        places = torch.matmul(contrast, (features * kept).flatten(2))  # (N, h w)
        half = (pool(places, self.pooling) + bias) / 2
        return torch.stack((-half, half), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 2), absent then present, of normalised pictures (N, 3, H, W)."""
        return self.pool_and_classify(self.feature_map(x))


def pool(places: Tensor, rule: Pooling) -> Tensor:
    """Pool the places' logit differences (N, places) to (N,), as the rule does to arrays."""
    if rule.kind == "mean":
        return places.mean(dim=1)
    if rule.kind == "max":
        return places.amax(dim=1)
    if rule.kind == "lse":
        spread = torch.logsumexp(rule.sharpness * places, dim=1) - math.log(places.shape[1])
        return spread / rule.sharpness
    return places.topk(min(rule.places, places.shape[1]), dim=1).values.mean(dim=1)


def normalise(pictures: Tensor) -> Tensor:
    """Turn uint8 pictures (N, H, W, 3) into float32 network input (N, 3, H, W)."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255
    mean = torch.tensor(IMAGENET_MEAN, device=x.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=x.device).view(1, 3, 1, 1)
    return (x - mean) / std
