"""What training makes small, and what it is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.training.config import TrainConfig


class SoftCrossEntropy(nn.CrossEntropyLoss):
    """Cross entropy that divides by the weights of the labels, whether they are classes or probabilities.

    torch divides by them only for classes; so a label (0, 1) counts exactly as the label 1 does.
    """

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of logits (N, 2) and labels int64 (N,) or float32 (N, 2)."""
        loss = super().forward(logits, labels)
        if self.weight is None or not labels.is_floating_point():
            return loss
        return loss * len(labels) / (labels @ self.weight).sum()

    def divisor(self, labels: Tensor) -> float:
        """Return what the sum of the pictures' losses is divided by."""
        if self.weight is None:
            return float(len(labels))
        soft = labels if labels.is_floating_point() else nn.functional.one_hot(labels, 2).to(self.weight)
        return float((soft @ self.weight).sum())


def build_loss(config: TrainConfig, labels: NDArray[np.int64], device: torch.device) -> SoftCrossEntropy:
    """Build cross entropy with the run's class weights (n / (2 n_class)) and label smoothing."""
    weight = None
    if config.class_weights == "balanced":
        counts = np.bincount(labels, minlength=2)
        weight = torch.tensor(len(labels) / (2 * counts), dtype=torch.float32, device=device)
    return SoftCrossEntropy(weight=weight, label_smoothing=config.label_smoothing)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood, in nats, without weights or smoothing."""
    margins = (logits[:, 1] - logits[:, 0]).astype(np.float64)
    return float(np.logaddexp(0, np.where(labels == 1, -margins, margins)).mean())


def roc_auc(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """Return the share of pairs in which presence scores higher than absence; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))
