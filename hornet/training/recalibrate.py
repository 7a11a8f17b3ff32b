"""A finished model file gets another operating point: prior shift, band, golden examples, all of them or none."""

from __future__ import annotations

import base64
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from hornet.checksums import recorded
from hornet.classifier import Classifier
from hornet.dataset import TRAIN, VALIDATION, check_unseen, fingerprint, read_manifest
from hornet.drift import Reference
from hornet.errors import ArtifactIncompatible, ConfigError, ExportMismatch, SplitLeakage
from hornet.evaluation.evaluate import ALL, choose_split, evaluate
from hornet.evaluation.operating import (
    OperatingPoint,
    choose_band,
    operating_point,
    prior_shift,
    shift_probability,
)
from hornet.files import write_atomically
from hornet.golden import replay_golden
from hornet.training.contract import contract_text, draw_golden, with_golden
from hornet.training.exported import FILES
from hornet.training.graph import PRIOR_SHIFT, set_contract_text, set_scalar
from hornet.training.runfolder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hornet.artifact import Contract
    from hornet.classifier import Failure
    from hornet.dataset import Dataset

#: float32 and the sigmoid round; what the graph says and what its contract says may differ by no more.
_ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; None: as it is.

    Attributes:
        recall: Share of the hornets that must not be called absent.
        false_alarms: Largest share of absences that may be called present.
        prevalence: Share of pictures with a hornet where the model will be used.
    """

    recall: float | None = None
    false_alarms: float | None = None
    prevalence: float | None = None


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """One model file with its new operating point.

    Attributes:
        path: Where it was written.
        contract: What it says now.
        point: What was measured.
        labels: Of the pictures that could be read, shape (N,).
        probabilities: What the new file answers, shape (N,).
        failures: Pictures that couldn't be read.
    """

    path: Path
    contract: Contract
    point: OperatingPoint
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    failures: tuple[Failure, ...]


def recalibrate(
    source: Path,
    dataset: Dataset,
    wish: Wish,
    *,
    split: str | None = None,
    output: Path | None = None,
    reporter: Callable[[str], None] = lambda _: None,
) -> list[Recalibrated]:
    """Choose an operating point on labelled pictures and write it into the model.

    Args:
        source: A run folder, both of whose files are rewritten, or a model file.
        dataset: Labelled pictures.
        wish: What is asked for.
        split: Which of the pictures; None: validation where any picture has it, else all.
        output: Folder (of a run) or file (of a model) to write to; None: in place.
        reporter: Told what the user should read.

    Returns:
        What was written. Nothing is, unless all of it answers as it says.

    Raises:
        ConfigError: If nothing or something impossible is asked for, or the run has no model files.
        SplitLeakage: If the model learned from these pictures.
        EmptyClass: If a class has no picture.
        ArtifactError: If the model can't be used, or doesn't answer here as it did where it was made.
        ExportMismatch: If the graph can't be calibrated.
    """
    if wish == Wish():
        raise ConfigError("nothing is asked for; name a recall, a number of false alarms, or a prevalence")
    files = _files(source, output)
    for _, new in files:
        if recorded(new) is not None:
            raise ConfigError(
                f"{new} is kept under its SHA-256 and must not change; name another file with --output, then "
                "'hornet models import' it"
            )
    if split is None:
        split = VALIDATION if VALIDATION in dataset.splits() else ALL
    split, part = choose_split(dataset, split)
    _refuse_seen(source if source.is_dir() else source.parent, part, reporter)
    done = []
    with tempfile.TemporaryDirectory(prefix="hornet-calibrate-") as folder:
        for number, (old, new) in enumerate(files):
            draft = Path(folder) / f"{number}.onnx"
            done.append((draft, _Rewriting(old, draft, wish, part, split).finish(new)))
        for draft, result in done:
            write_atomically(result.path, draft.read_bytes())
    return [result for _, result in done]


def _files(source: Path, output: Path | None) -> list[tuple[Path, Path]]:
    """Return what is read and where its successor goes."""
    if not source.is_dir():
        return [(source, output or source)]
    found = [source / name for name in FILES.values() if (source / name).is_file()]
    if not found:
        raise ConfigError(
            f"{source} holds no {' or '.join(FILES.values())}; name a model file, or make them with 'hornet export'"
        )
    return [(file, (output or source) / file.name) for file in found]


def _refuse_seen(folder: Path, part: Dataset, reporter: Callable[[str], None]) -> None:
    """Refuse pictures that the model in ``folder`` learned from, where a run's manifest tells."""
    run = RunFolder(folder)
    if not (run.manifest.is_file() and run.config.is_file()):
        return
    trained = read_manifest(run.manifest)
    check_unseen(trained.subset(TRAIN), part.records, "the model")
    try:
        check_unseen(trained.subset(VALIDATION), part.records, "the model")
    except SplitLeakage:
        reporter(
            "some of these pictures are of the run's validation split, which chose its epoch, temperature and "
            "threshold: they flatter it a little"
        )


class _Rewriting:
    """One file on its way to another operating point."""

    def __init__(self, old: Path, draft: Path, wish: Wish, part: Dataset, split: str) -> None:
        self._classifier = Classifier.open(old)
        self._old, self._draft, self._part, self._wish = old, draft, part, wish
        self._split, self._digest = split, fingerprint(part)
        if bad := [result.name for result in replay_golden(self._classifier) if not result.ok]:
            raise ArtifactIncompatible(
                f"{old} doesn't answer here as it did where it was made ({', '.join(bad)}); fetch the file again, or "
                "update onnxruntime and pillow"
            )
        before = self._classifier.contract
        if before.training.get("fingerprint") == self._digest:
            raise SplitLeakage(
                f"these are the pictures that {old} was trained with; name others, or its run's manifest.csv, whose "
                "splits tell which it learned from"
            )
        learned = before.training.get("prevalence")
        self._shift = before.prior_shift
        if wish.prevalence is not None:
            if not isinstance(learned, float):
                raise ArtifactIncompatible(
                    f"{old} doesn't say how frequent hornets were among its training pictures, so that its "
                    "probabilities can't be moved to another prevalence; leave out --prevalence"
                )
            self._shift = prior_shift(wish.prevalence, learned)
        self._moved = self._shift - before.prior_shift
        # Without a wish the work is told for where the model is used already.
        self._prevalence = wish.prevalence
        if self._prevalence is None and isinstance(learned, float):
            self._prevalence = shift_probability(learned, before.prior_shift)

    def finish(self, target: Path) -> Recalibrated:
        """Write and check the draft, which is to be ``target``."""
        before, wish = self._classifier.contract, self._wish
        # All thresholds move along, so that what isn't asked for keeps its verdicts.
        shifted = replace(
            before,
            prior_shift=self._shift,
            decision_threshold=shift_probability(before.decision_threshold, self._moved),
            low=shift_probability(before.low, self._moved),
            high=shift_probability(before.high, self._moved),
            reference=self._reference(before),
            golden=(),
        )
        model = onnx.load(self._old)
        if self._moved:
            set_scalar(model, PRIOR_SHIFT, self._shift)
        measured = evaluate(self._write(model, shifted), self._part, split=ALL, resamples=1)
        truth, probabilities = measured.labels, measured.probabilities
        band = choose_band(truth, probabilities, recall=wish.recall, false_alarms=wish.false_alarms)
        point = operating_point(
            truth,
            probabilities,
            band=band or (shifted.low, shifted.high),
            prevalence=float(truth.mean()) if self._prevalence is None else self._prevalence,
            groups=[record.group or record.name for record in measured.records],
            targets=(wish.recall, wish.false_alarms),
        )
        about = {
            "measured": "by hornet calibrate, on the pictures that chose it",
            "fingerprint": self._digest,
            "split": self._split,
            "pictures": len(truth),
            "failures": len(measured.failures),
            **point.to_dict(),
        }
        contract = replace(
            shifted, low=point.low, high=point.high, quality={**before.quality, "operating_point": about}
        )
        contract = self._with_golden(self._write(model, contract), contract)
        self._check(self._write(model, contract))
        return Recalibrated(target, contract, point, truth, probabilities, measured.failures)

    def _reference(self, before: Contract) -> dict[str, Any] | None:
        """Return what the file answers to pictures like training's, moved along."""
        if before.reference is None or not self._moved:
            return before.reference
        reference = Reference.from_document(before.reference)
        return reference.moved(lambda edge: shift_probability(edge, self._moved)).to_document()

    def _write(self, model: onnx.ModelProto, contract: Contract) -> Classifier:
        set_contract_text(model, contract_text(contract))
        self._draft.write_bytes(model.SerializeToString())
        return Classifier.open(self._draft)

    def _with_golden(self, draft: Classifier, contract: Contract) -> Contract:
        """Answer the golden examples anew; a file without any gets the usual ones."""
        old = self._classifier.contract.golden
        pictures = [(golden.name, base64.b64decode(golden.jpeg)) for golden in old]
        pictures = pictures or list(draw_golden(contract.pixel_rule))
        answers = [draft.predict(picture) for _, picture in pictures]
        return with_golden(
            contract, pictures, [one.probability for one in answers], [one.novelty for one in answers]
        )

    def _check(self, draft: Classifier) -> None:
        """Prove that the graph does what the contract says, and what the old one did but for the shift."""
        contract = draft.contract
        for golden in contract.golden:
            picture = base64.b64decode(golden.jpeg)
            new, old = draft.predict(picture), self._classifier.predict(picture)
            margin = (new.logits[1] - new.logits[0]) / contract.temperature + contract.prior_shift
            expected = 0.5 * (1 + math.tanh(0.5 * margin))
            if (
                new.logits != old.logits
                or new.novelty != old.novelty
                or abs(new.probability - expected) > _ROUNDING
            ):
                raise ExportMismatch(
                    f"{self._old}: with a prior shift of {contract.prior_shift:g} its graph answers "
                    f"{new.probability:.6f} to {golden.name!r} instead of {expected:.6f}; export the run again"
                )
        if not all(result.ok for result in replay_golden(draft)):
            raise ExportMismatch(
                f"{self._old}: the new file doesn't answer the same twice; export the run again"
            )
