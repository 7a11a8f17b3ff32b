"""Which model answers, and how a promoted one takes over while requests are running."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hornet.checksums import sha256_file
from hornet.classifier import Classifier
from hornet.errors import ArtifactIncompatible, HornetError
from hornet.golden import replay_golden
from hornet.images import Limits
from hornet.registry import Registry, resolve_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from hornet.serving.settings import ServeSettings

LOG = logging.getLogger("hornet.serving")
_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Model:
    """A model that answers.

    Attributes:
        classifier: Ready to run.
        version: First 16 hexadecimal digits of the file's SHA-256, as in the registry.
    """

    classifier: Classifier
    version: str

    def describe(self) -> dict[str, Any]:
        """Return what every answer says of the model; no path."""
        contract = self.classifier.contract
        return {
            "name": "hornet",
            "version": self.version,
            "precision": contract.precision,
            "low": contract.low,
            "high": contract.high,
        }


class Champion:
    """Holds the model in use, and looks for a new one.

    A job keeps the model that it started with, so that taking over drops no request and mixes no two
    models in one answer.

    Args:
        settings: Names the model, or lets the registry name it.

    Raises:
        ArtifactError: If there is no usable model to start with.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self.follows = settings.model is None
        self._seen = Registry().index().champion if self.follows else None
        self.current = self._open(resolve_model(settings.model))

    def check(self) -> bool:
        """Take over the registry's champion if it is another; may take seconds, call it in a thread.

        Returns:
            Whether another model answers from now on.

        Raises:
            HornetError: If the registry or its champion can't be used; the model in use stays.
        """
        champion = Registry().index().champion
        if champion == self._seen:
            return False
        # One try for each promotion: a damaged file isn't read again every two seconds.
        self._seen = champion
        model = self._open(resolve_model())
        changed = model.version != self.current.version
        self.current = model
        return changed

    async def watch(self, taken: Callable[[Model], None], failed: Callable[[], None]) -> None:
        """Check again and again, until cancelled.

        Args:
            taken: Called when another model answers.
            failed: Called when a champion couldn't be taken over.
        """
        while True:
            await asyncio.sleep(self._settings.watch_seconds)
            try:
                changed = await asyncio.to_thread(self.check)
            except HornetError as error:
                LOG.error("champion refused", extra={"reason": str(error)})  # noqa: TRY400 - the message says all
                failed()
                continue
            if changed:
                LOG.info("champion taken over", extra={"model": self.current.version})
                taken(self.current)

    def _open(self, path: Path) -> Model:
        version = sha256_file(path)[:_VERSION_DIGITS] if path.is_file() else ""
        opened = Classifier.open(path, threads=self._settings.threads)
        limits = Limits(self._settings.max_picture_bytes, self._settings.max_pixels)
        classifier = Classifier(opened.artifact, limits=limits)
        # Also the warm-up: the first client waits no longer than the others.
        wrong = [result.name for result in replay_golden(classifier) if not result.ok]
        if wrong:
            raise ArtifactIncompatible(
                f"{path} doesn't answer its golden examples as it should ({', '.join(wrong)}): it was changed, "
                "or doesn't suit this machine; see 'hornet models verify'"
            )
        return Model(classifier, version)
