"""Tells whether at least one Asian hornet (*Vespa velutina*) is in a picture.

>>> from hornet import load
>>> classifier = load()
>>> classifier.predict("picture.jpg").label  # doctest: +SKIP
'present'

Importing this package imports nothing heavy: the names below are fetched when they are first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hornet.classifier import Classifier as Classifier
    from hornet.classifier import Failure as Failure
    from hornet.classifier import Prediction as Prediction
    from hornet.registry import load as load

# The one side effect of importing this package. The wheels of recent onnxruntimes keep a device
# number and report their use to their maker, unless this is set before they are first imported.
# Nothing leaves the machine that hornet runs on; whoever wants the reports sets it to 0 beforehand.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

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
