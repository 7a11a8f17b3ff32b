"""What an export wrote, with its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from hornet.artifact import Contract
    from hornet.evaluation.evaluate import Evaluation
    from hornet.training.agreement import Agreement

#: Names of a run's model files by precision.
FILES: Final = {"float32": "hornet-fp32.onnx", "int8": "hornet-int8.onnx"}


@dataclass(frozen=True, slots=True)
class Exported:
    """One precision, measured.

    Attributes:
        path: The file.
        contract: What it says about itself.
        agreement: How far it differs from the network.
        validation: `Quality.to_dict()` on the validation pictures.
        test: The figures on the test pictures; None where there are none.
        milliseconds: A picture by itself, the network alone, on this machine.
    """

    path: Path
    contract: Contract
    agreement: Agreement
    validation: dict[str, Any]
    test: Evaluation | None
    milliseconds: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "path": str(self.path),
            "bytes": self.path.stat().st_size,
            "milliseconds": round(self.milliseconds, 3),
            "temperature": self.contract.temperature,
            "decision_threshold": self.contract.decision_threshold,
            "agreement": self.agreement.to_dict(),
            "validation": self.validation,
            "test": None if self.test is None else self.test.overall.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        float32: The float file, measured.
        eight_bit: The int8 file, measured.
        report: The HTML report.
        card: The model card.
    """

    float32: Exported
    eight_bit: Exported
    report: Path
    card: Path

    @property
    def fp32(self) -> Path:
        """The float32 artifact."""
        return self.float32.path

    @property
    def int8(self) -> Path:
        """The int8 artifact."""
        return self.eight_bit.path

    @property
    def speedup(self) -> float:
        """How many times faster int8 is than float32, on this machine."""
        return self.float32.milliseconds / self.eight_bit.milliseconds

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "float32": self.float32.to_dict(),
            "int8": self.eight_bit.to_dict(),
            "speedup": round(self.speedup, 3),
            "report": str(self.report),
            "card": str(self.card),
        }
