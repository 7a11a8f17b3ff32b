"""What runs on the machines of a cluster: a model that is loaded once, and one partition after another."""

from __future__ import annotations

import os
import socket
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.classifier import Classifier, Failure
from hornet.errors import ConfigError, HornetError, ImageMissing
from hornet.inference.distributed.folders import open_folder
from hornet.inference.distributed.partitions import unpack
from hornet.inference.distributed.rows import write_rows
from hornet.inference.pipeline import predict_sources
from hornet.inference.records import libraries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.inference.columns import Answer
    from hornet.inference.distributed.partitions import Picture

#: Threads that read and decode: enough to wait for a disk, or for many answers of a store or server.
_THREADS: Final = 2
_REMOTE_THREADS: Final = 8
VERDICTS: Final = ("present", "absent", "unsure", "failed")
#: Variables that say which store it is; never the credentials, which each machine has from its owner.
_STORE: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, slots=True)
class Work:
    """What all workers of a run have in common; goes over the network.

    Attributes:
        output: Folder or address that rows are written to.
        threshold: Replaces the contract's low and high.
        batch_size: Pictures a run of the network.
        folder: Where paths begin that aren't absolute: the working folder of who asked.
        node: The cluster's name for the machine of who asked.
        libraries: Versions of what decides about rows, there.
        store: Variables that say which S3 store it is, there.
    """

    output: str
    threshold: float | None
    batch_size: int
    folder: str
    node: str
    libraries: Mapping[str, str]
    store: Mapping[str, str]

    @classmethod
    def here(cls, output: str, *, threshold: float | None, batch_size: int, node: str) -> Work:
        """Return work that is asked for by this process."""
        store = {name: os.environ[name] for name in _STORE if name in os.environ}
        return cls(output, threshold, batch_size, os.getcwd(), node, libraries(), store)


class Worker:
    """One process of a cluster. What is wrong with it comes as an answer, not as an exception.

    Args:
        work: What it is asked for.
        model: Ray's reference to the bytes of the model file: no machine needs a copy of its own.
    """

    def __init__(self, work: Work, model: Any) -> None:
        import ray

        self._work = work
        self._elsewhere = ray.get_runtime_context().get_node_id() != work.node
        self._host = socket.gethostname()
        self._problem = ""
        try:
            self._prepare(ray.get(model))
        except HornetError as error:
            self._problem = self._explain(error)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Answer one partition: write its rows, and report what is in them.

        Args:
            batch: Columns ``number``, ``file`` and ``pictures``, of one row.

        Returns:
            Columns ``number``, ``problem`` (empty if there is none), and the number of each verdict, of one row.
        """
        problem = self._problem
        counts: Counter[str] = Counter()
        if not problem:
            try:
                counts = self._answer(str(batch["file"][0]), bytes(batch["pictures"][0]))
            except HornetError as error:
                problem = self._explain(error)
        verdicts = {name: [counts[name]] for name in VERDICTS}
        return {"number": [int(batch["number"][0])], "problem": [problem], **verdicts}

    def _prepare(self, model: bytes) -> None:
        os.environ.update(self._work.store)
        here = libraries()
        if here != self._work.libraries:
            found = ", ".join(f"{name} {version}" for name, version in here.items())
            wanted = ", ".join(f"{name} {version}" for name, version in self._work.libraries.items())
            raise ConfigError(
                f"it has {found}, and whoever asked has {wanted}: rows might differ; install the same"
            )
        with suppress(OSError):  # absolute paths and addresses can be read from anywhere
            os.chdir(self._work.folder)
        with tempfile.TemporaryDirectory(prefix="hornet-") as folder:
            path = os.path.join(folder, "model.onnx")
            with open(path, "wb") as file:
                file.write(model)
            # A worker has one CPU: several of them share a machine.
            self._classifier = Classifier.open(path, threads=1)
        self._folder = open_folder(self._work.output)

    def _answer(self, file: str, packed: bytes) -> Counter[str]:
        pictures = unpack(packed)
        sources = [picture.source for picture in pictures]
        answers = list(
            predict_sources(
                self._classifier,
                sources,
                threshold=self._work.threshold,
                batch_size=self._work.batch_size,
                workers=_REMOTE_THREADS if any(source.remote for source in sources) else _THREADS,
                runs=1,
            )
        )
        if self._elsewhere:
            self._check_shared(pictures, answers)
        return write_rows(self._folder, file, answers)

    def _check_shared(self, pictures: Sequence[Picture], answers: Sequence[Answer]) -> None:
        """Raise ConfigError if this machine sees none of the files that the one that asked has seen."""
        there = [
            answer
            for picture, answer in zip(pictures, answers, strict=True)
            if picture.there and not picture.source.remote
        ]
        if there and all(
            isinstance(answer, Failure) and answer.code == ImageMissing.code for answer in there
        ):
            raise ConfigError(
                f"it sees none of {len(there):,} pictures, such as {there[0].source}: they must lie where all "
                "machines of the cluster see them, under the same path, or at s3:// addresses"
            )

    def _explain(self, error: HornetError) -> str:
        return f"on {self._host}: {error}" if self._elsewhere else str(error)
