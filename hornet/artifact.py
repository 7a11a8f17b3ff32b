"""The artifact: one ONNX file that holds the network and its whole contract.

The contract is a JSON document under the ONNX metadata key ``hornet.contract``. Nothing else is
needed to predict, and nothing else decides how to predict. It is read into frozen dataclasses here;
where it is written, the same dataclasses are checked field by field.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from hornet.checksums import check_recorded
from hornet.cpus import available_cpus
from hornet.decision import CLASSES
from hornet.drift import Reference
from hornet.errors import ArtifactCorrupt, ArtifactIncompatible, ArtifactMissing, ConfigError
from hornet.images import Box, PixelRule, Resize, check_box
from hornet.novelty import Novelty

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import onnxruntime

CONTRACT_KEY: Final = "hornet.contract"
#: Raised when a reader of the previous version would answer wrongly.
CONTRACT_VERSION: Final = 1
INPUT: Final = "image"
OUTPUTS: Final = ("probability", "logits", "heatmap", "embedding")


@dataclass(frozen=True, slots=True)
class Golden:
    """A drawn picture and what this artifact answers to it.

    Attributes:
        name: What is drawn.
        jpeg: The encoded picture, base64.
        probability: Expected probability of presence.
        novelty: Expected novelty; None where the contract has none.
    """

    name: str
    jpeg: str
    probability: float
    novelty: float | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything there is to know about an artifact; see the field comments.

    Fields with defaults were added after version 1, or say nothing about how to predict.
    """

    version: int
    #: Class names by number: ("absent", "present").
    classes: tuple[str, str]
    # --- bytes to input -------------------------------------------------------------------------
    #: Height and width of the input, px.
    size: tuple[int, int]
    resize: Resize
    #: JPEGs are decoded at the smallest scale that keeps this many times the input's size; 0: full.
    draft_margin: float
    #: Always "upright": pictures are turned as their EXIF orientation says.
    exif: Literal["upright"]
    #: Rectangles filled in every upright picture before resizing, as fractions x0 y0 x1 y1.
    masks: tuple[Box, ...]
    #: Colour of masked and padded places.
    fill: tuple[int, int, int]
    #: Rule for tiles cut inside the graph; None: the whole picture at once.
    tiling: dict[str, Any] | None
    # --- inside the graph -----------------------------------------------------------------------
    #: Normalisation of channels scaled to 0..1.
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    #: How per-place logits become one: "mean", ...
    pooling: str
    #: probability = sigmoid((logits[1] - logits[0]) / temperature + prior_shift)
    temperature: float
    prior_shift: float
    # --- verdict --------------------------------------------------------------------------------
    #: Maximum F1 on validation; what metrics use.
    decision_threshold: float
    #: absent below low, present from high on, unsure in between.
    low: float
    high: float
    # --- provenance -----------------------------------------------------------------------------
    #: "float32" or "int8".
    precision: Literal["float32", "int8"]
    #: prevalence, fingerprint, split sizes, sizes by source, configuration.
    training: dict[str, Any]
    #: Measured quality with intervals; by whom it was measured and on what.
    quality: dict[str, Any]
    #: Versions of what made the file.
    software: dict[str, str]
    licence: str
    provenance: str
    #: Pictures to replay, and the largest difference of probability that is still the same answer.
    golden: tuple[Golden, ...]
    golden_tolerance: float
    #: Distance in embedding space and its limit, beyond which a picture is unlike anything seen, as
    #: `hornet.novelty.Novelty` writes it; None: not known.
    novelty: dict[str, Any] | None = field(default=None)
    #: What it answers to pictures like training's, as `hornet.drift.Reference` writes it; None: not known.
    reference: dict[str, Any] | None = field(default=None)

    @property
    def pixel_rule(self) -> PixelRule:
        """How a picture becomes this artifact's input."""
        return PixelRule(
            size=self.size,
            resize=self.resize,
            draft_margin=self.draft_margin,
            masks=self.masks,
            fill=self.fill,
        )

    def to_json(self) -> str:
        """Return the document that is stored in the file."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Read a contract.

        Unknown keys are left alone: a later version may say more, as long as the version number
        says that it still means the same.

        Raises:
            ArtifactCorrupt: If it is no contract.
            ArtifactIncompatible: If it is a newer one, or contradicts itself.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ArtifactCorrupt(f"its contract is no JSON: {error}") from None
        if not isinstance(document, dict) or not isinstance(document.get("version"), int):
            raise ArtifactCorrupt("its contract has no version number")
        if document["version"] > CONTRACT_VERSION:
            raise ArtifactIncompatible(
                f"its contract has version {document['version']}, this hornet reads up to "
                f"{CONTRACT_VERSION}: install a newer hornet"
            )
        known = {entry.name: entry for entry in dataclasses.fields(cls)}
        missing = [
            name
            for name, entry in known.items()
            if name not in document and entry.default is dataclasses.MISSING
        ]
        if missing:
            raise ArtifactCorrupt(f"its contract lacks {', '.join(missing)}")
        values = {name: _frozen(name, document[name]) for name in known if name in document}
        contract = cls(**values)
        contract._check()
        return contract

    def _check(self) -> None:
        """Raise ArtifactIncompatible if the contract contradicts itself or this software."""
        problems = []
        try:
            if tuple(self.classes) != CLASSES:
                problems.append(f"its classes are {self.classes}, not {CLASSES}")
            rule: tuple[str, str] = (self.exif, self.resize)  # read from a file: the types promise nothing
            if rule[0] != "upright" or rule[1] not in {"stretch", "pad"}:
                problems.append(f"its rule for pixels (exif {self.exif}, resize {self.resize}) isn't known")
            if not 0 <= self.low <= self.high <= 1:
                problems.append(f"its band from {self.low} to {self.high} isn't 0 <= low <= high <= 1")
            if not 0 <= self.decision_threshold <= 1 or not self.temperature > 0:
                problems.append("its decision threshold or temperature is out of range")
            if min(self.size) < 1:
                problems.append(f"its size is {self.size}")
            for mask in self.masks:
                check_box(mask)
            _try_reading(self.novelty, Novelty.from_document)
            _try_reading(self.reference, Reference.from_document)
        except (TypeError, ValueError, ConfigError) as error:
            problems.append(str(error))
        if problems:
            raise ArtifactIncompatible("; ".join(problems))


def _try_reading(document: dict[str, Any] | None, read: Callable[[dict[str, Any]], object]) -> None:
    """Raise ValueError if there is something that can't be read."""
    if document is not None:
        read(document)


def _frozen(name: str, value: Any) -> Any:
    """Turn JSON's lists into the tuples of the dataclass."""
    if name == "golden":
        try:
            return tuple(
                Golden(
                    entry["name"],
                    entry["jpeg"],
                    float(entry["probability"]),
                    None if entry.get("novelty") is None else float(entry["novelty"]),
                )
                for entry in value
            )
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise ArtifactCorrupt(f"its golden examples can't be read: {error}") from None
    if name in {"classes", "size", "masks", "fill", "mean", "std"}:
        if not isinstance(value, list):
            raise ArtifactCorrupt(f"its contract's {name} isn't a list")
        return tuple(tuple(entry) if isinstance(entry, list) else entry for entry in value)
    return value


@dataclass(frozen=True, slots=True)
class Artifact:
    """An opened model file.

    Attributes:
        path: Where it was read from.
        contract: What it says about itself.
        session: Ready to run; safe to use from many threads.
        threads: Threads of one run.
    """

    path: Path
    contract: Contract
    session: onnxruntime.InferenceSession
    threads: int


def open_artifact(path: str | os.PathLike[str], *, threads: int | None = None) -> Artifact:
    """Open a model file and check its contract.

    Args:
        path: The ONNX file.
        threads: Threads of one run; None: as many as the process may use.

    Raises:
        ArtifactMissing: If there is no such file.
        ArtifactCorrupt: If it isn't an ONNX file with a contract, or not the file of which a record beside it speaks.
        ArtifactIncompatible: If this version can't use it.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactMissing(f"no model at {path}; pass one with --model, or train one with 'hornet train'")
    check_recorded(path)
    import onnxruntime

    threads = threads or available_cpus()
    options = onnxruntime.SessionOptions()
    # Set in any case: by default onnxruntime counts the host's cores, not the container's.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for work sleep, instead of taking the cores from those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (RuntimeError, ValueError, OSError) as error:
        raise ArtifactCorrupt(f"{path} can't be loaded as an ONNX model: {_short(error)}") from None
    except Exception as error:
        # onnxruntime's own exceptions have no common base but Exception.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise ArtifactCorrupt(f"{path} can't be loaded as an ONNX model: {_short(error)}") from None
    text = session.get_modelmeta().custom_metadata_map.get(CONTRACT_KEY)
    if text is None:
        raise ArtifactCorrupt(
            f"{path} is an ONNX model without a hornet contract; only files made by 'hornet export' are read"
        )
    try:
        contract = Contract.from_json(text)
    except (ArtifactCorrupt, ArtifactIncompatible) as error:
        raise type(error)(f"{path}: {error}") from None
    _check_graph(path, contract, session)
    return Artifact(path, contract, session, threads)


def _check_graph(path: Path, contract: Contract, session: onnxruntime.InferenceSession) -> None:
    inputs = {entry.name: (entry.type, tuple(entry.shape[1:])) for entry in session.get_inputs()}
    expected = {INPUT: ("tensor(uint8)", (*contract.size, 3))}
    outputs = {entry.name: tuple(entry.shape[1:]) for entry in session.get_outputs()}
    if inputs != expected or not outputs.keys() >= set(OUTPUTS):
        raise ArtifactIncompatible(
            f"{path}: its graph takes {inputs} and gives {sorted(outputs)}, but its contract promises "
            f"{expected} and {sorted(OUTPUTS)}"
        )
    if contract.novelty is not None and outputs["embedding"] != (width := contract.novelty["size"][1],):
        raise ArtifactIncompatible(
            f"{path}: its graph gives embeddings of {outputs['embedding']} numbers, its contract measures the novelty "
            f"of {width}"
        )


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
