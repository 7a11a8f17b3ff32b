"""Tells whether at least one Asian hornet (*Vespa velutina*) is in a picture.

>>> from hornet import load
>>> classifier = load()
>>> classifier.predict("picture.jpg").label  # doctest: +SKIP
'present'

Importing this package imports nothing heavy: the names below are fetched when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hornet.classifier import Classifier as Classifier
    from hornet.classifier import Failure as Failure
    from hornet.classifier import Prediction as Prediction
    from hornet.registry import load as load

__version__ = "0.1.0"
__all__ = ["Classifier", "Failure", "Prediction", "__version__", "load"]

_HOME = {
    "Classifier": "hornet.classifier",
    "Failure": "hornet.classifier",
    "Prediction": "hornet.classifier",
    "load": "hornet.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'hornet' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
