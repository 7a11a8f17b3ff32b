"""Classic classifiers on features that somebody else computed: what must a network beat?

Every rival is fitted on the training split; of its few settings those with the highest validation AUC are kept,
and its threshold is the one with the highest validation F1. The test split is looked at once, at the end.
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.errors import ConfigError, EmptyClass
from hornet.evaluation.calibration import fit_threshold
from hornet.evaluation.metrics import summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hornet.evaluation.metrics import Quality

Settings = dict[str, Any]

#: What each rival may choose from, simplest first: of equally good settings the first is kept. gamma is in units of
#: scikit-learn's ``scale``, 1 / (features x variance), which for standardised features is 1 / features.
GRIDS: Final[Mapping[str, tuple[Settings, ...]]] = {
    "k nearest neighbours": tuple({"n_neighbors": k} for k in (31, 15, 9, 5, 3, 1)),
    "Gaussian naive Bayes": tuple({"var_smoothing": v} for v in (1.0, 0.1, 1e-3, 1e-9)),
    "logistic regression": tuple({"C": c} for c in (1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    "linear SVM": tuple({"C": c} for c in (1e-5, 1e-4, 1e-3, 1e-2, 0.1)),
    "RBF SVM": tuple({"C": c, "gamma": g} for c in (0.3, 1.0, 3.0, 10.0, 100.0) for g in (0.1, 0.3, 1.0)),
    "MLP": tuple(
        {"hidden_layer_sizes": (width,), "alpha": alpha} for width in (32, 128) for alpha in (10.0, 1.0, 0.1)
    ),
}
_MLP_EPOCHS: Final = 60


@dataclass(frozen=True, slots=True)
class Part:
    """The pictures of one split.

    Attributes:
        features: float32 (N, D).
        labels: (N,), 0 or 1.
        groups: Group of each picture.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: Sequence[str]

    def select(self, places: NDArray[np.int64]) -> Part:
        """Return the pictures at these places."""
        return Part(self.features[places], self.labels[places], [self.groups[i] for i in places])


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer takes.

    Attributes:
        parameters: Stored numbers that an answer is computed from.
        operations: Multiply-adds a picture.
        milliseconds: A picture, on this machine.
        seconds: Of training, choosing settings included; NaN where nobody knows.
    """

    parameters: int
    operations: int
    milliseconds: float
    seconds: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.parameters + other.parameters,
            self.operations + other.operations,
            self.milliseconds + other.milliseconds,
            self.seconds + other.seconds,
        )

    def to_dict(self) -> dict[str, float | None]:
        """Return it as plain JSON."""
        return {
            "parameters": self.parameters,
            "operations": self.operations,
            "milliseconds": round(self.milliseconds, 4),
            "seconds": None if math.isnan(self.seconds) else round(self.seconds, 2),
        }


@dataclass(frozen=True, slots=True)
class Fitted:
    """A rival with its chosen settings.

    Attributes:
        name: Of the rival.
        settings: What validation chose.
        model: Scaler and classifier, of scikit-learn.
        threshold: From this probability on: present.
        centre: Mean and spread of the validation scores, which make scores comparable to probabilities.
        seconds: Of fitting the whole grid.
    """

    name: str
    settings: Settings
    model: Any
    threshold: float
    centre: tuple[float, float]
    seconds: float

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return a number between 0 and 1 for each picture, in the order of the rival's own scores, not calibrated."""
        mean, spread = self.centre
        return _squash((_raw(self.model, features) - mean) / spread)


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of the comparison.

    Attributes:
        name: Who.
        settings: With what.
        quality: On the test split.
        cost: From pixels to the answer; ``seconds`` without the computing of features.
        note: What a reader must know.
    """

    name: str
    settings: str
    quality: Quality
    cost: Cost
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "settings": self.settings,
            "quality": self.quality.to_dict(),
            **self.cost.to_dict(),
            "note": self.note,
        }


def fit_rival(name: str, train: Part, validation: Part, *, seed: int = 0) -> Fitted:
    """Fit a rival with every setting of its grid and keep what ranks the validation pictures best.

    Args:
        name: Key of ``GRIDS``.
        train: What it learns from.
        validation: What settings and threshold are chosen on.
        seed: Of those rivals that draw numbers.

    Raises:
        EmptyClass: If a split lacks a class.
    """
    from sklearn.metrics import roc_auc_score

    for part, what in ((train, "training"), (validation, "validation")):
        if len(np.unique(part.labels)) < 2:  # noqa: PLR2004 - absent and present
            raise EmptyClass(
                f"The {what} split lacks a class: both are needed. Move groups between the splits."
            )
    began = time.perf_counter()
    best: tuple[float, Settings, Any] | None = None
    for settings in GRIDS[name]:
        model = _fit(name, settings, train, seed)
        area = float(roc_auc_score(validation.labels, _raw(model, validation.features)))
        if best is None or area > best[0]:
            best = (area, settings, model)
    if best is None:
        raise ConfigError(f"{name} has no settings to choose from")
    raw = _raw(best[2], validation.features)
    centre = (float(raw.mean()), float(raw.std()) or 1.0)
    threshold = fit_threshold(_squash((raw - centre[0]) / centre[1]), validation.labels)
    return Fitted(name, best[1], best[2], threshold, centre, time.perf_counter() - began)


def compare(
    train: Part,
    validation: Part,
    test: Part,
    trunk: Cost,
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> list[Standing]:
    """Fit every rival and measure it on the test split.

    Args:
        train: What they learn from.
        validation: What they choose settings on.
        test: What they are measured on; shares no group with the others.
        trunk: What the features cost; its seconds aren't counted as training.
        seed: Of those rivals that draw numbers.
        report: Told whose turn it is.
    """
    standings = []
    for name in GRIDS:
        report(f"{name}: {len(GRIDS[name])} settings")
        fitted = fit_rival(name, train, validation, seed=seed)
        quality = summarize(
            test.labels, fitted.scores(test.features), threshold=fitted.threshold, groups=test.groups
        )
        own = Cost(*count(fitted.model), _milliseconds(fitted, test.features), fitted.seconds)
        features = Cost(trunk.parameters, trunk.operations, trunk.milliseconds, 0.0)
        standings.append(Standing(name, _words(fitted.settings), quality, features + own))
    return standings


def count(model: Any) -> tuple[int, int]:
    """Count the stored numbers and the multiply-adds a picture of a fitted rival, its scaler included."""
    scaler, classifier = model[0], model[-1]
    width = len(scaler.mean_)
    if hasattr(classifier, "coefs_"):  # MLP
        weights = sum(matrix.size for matrix in classifier.coefs_)
        own = (weights + sum(row.size for row in classifier.intercepts_), weights)
    elif hasattr(classifier, "support_vectors_"):  # a distance to each, then their weighted sum
        vectors = classifier.support_vectors_
        own = (vectors.size + len(vectors) + 1, vectors.size + len(vectors))
    elif hasattr(classifier, "coef_"):
        own = (classifier.coef_.size + 1, classifier.coef_.size)
    elif hasattr(classifier, "theta_"):  # squared and scaled differences, for two classes
        own = (2 * classifier.theta_.size + 2, 2 * classifier.theta_.size)
    else:  # a distance to every training picture
        own = (classifier.n_samples_fit_ * (width + 1), classifier.n_samples_fit_ * width)
    return own[0] + 2 * width, own[1] + width


def _fit(name: str, settings: Settings, train: Part, seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, LinearSVC

    width, rows = train.features.shape[1], len(train.labels)
    makers: dict[str, Callable[[], Any]] = {
        "k nearest neighbours": lambda: KNeighborsClassifier(min(settings["n_neighbors"], rows)),
        "Gaussian naive Bayes": lambda: GaussianNB(**settings),
        "logistic regression": lambda: LogisticRegression(**settings, max_iter=2000),
        "linear SVM": lambda: LinearSVC(**settings, random_state=seed),
        "RBF SVM": lambda: SVC(C=settings["C"], gamma=settings["gamma"] / width),
        "MLP": lambda: MLPClassifier(**settings, max_iter=_MLP_EPOCHS, random_state=seed),
    }
    model = make_pipeline(StandardScaler(), makers[name]())
    with warnings.catch_warnings():
        # The MLP's epochs are a setting like the others; it isn't meant to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train.features.astype(np.float64), train.labels)
    return model


def _raw(model: Any, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the rival's own scores, higher for presence."""
    x = features.astype(np.float64)
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(x), dtype=np.float64)
    if hasattr(model[-1], "theta_"):  # probabilities of naive Bayes round to 0 and 1
        joint = model[-1].predict_joint_log_proba(model[0].transform(x))
        return np.asarray(joint[:, 1] - joint[:, 0], dtype=np.float64)
    return np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64)


def _squash(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not the logistic function, which is 1 for all values beyond 37: that would make ties.
    return 0.5 + np.arctan(values) / np.pi


def _milliseconds(fitted: Fitted, features: NDArray[np.float32]) -> float:
    """Time an answer, a picture's share of all: the shortest of three."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        fitted.scores(features)
        times.append(time.perf_counter() - began)
    return 1000 * min(times) / len(features)


def _words(settings: Settings) -> str:
    def text(value: Any) -> str:
        return f"{value[0]}" if isinstance(value, tuple) else f"{value:g}"

    return ", ".join(f"{name.removesuffix('_layer_sizes')} {text(value)}" for name, value in settings.items())
