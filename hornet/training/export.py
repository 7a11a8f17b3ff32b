"""From a run folder to the artifact in two precisions, each proven to answer like the network.

Nothing is left at the final place unless everything agreed.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.classifier import Classifier
from hornet.dataset import TEST, TRAIN, VALIDATION, Record
from hornet.errors import ExportMismatch
from hornet.evaluation.calibration import fit_temperature, fit_threshold
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.metrics import summarize
from hornet.files import write_atomically
from hornet.golden import replay_golden
from hornet.training.agreement import (
    Agreement,
    Answers,
    RunPictures,
    file_answers,
    milliseconds,
    network_answers,
    probability,
    spread,
)
from hornet.training.bank import make_bank, save_bank
from hornet.training.card import write_report_and_card
from hornet.training.contract import (
    GOLDEN_TOLERANCE,
    Rights,
    contract_text,
    describe_provenance,
    draft_contract,
    draw_golden,
    with_golden,
)
from hornet.training.energy import add_predictions
from hornet.training.exported import FILES, Exported, ExportResult
from hornet.training.graph import (
    TEMPERATURE,
    ArtifactModule,
    export_graph,
    find_text,
    local_places,
    set_contract_text,
    set_scalar,
)
from hornet.training.novelty import learn_novelty, learn_reference
from hornet.training.quantise import quantise
from hornet.training.trained import TrainedRun, load_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx

    from hornet.artifact import Contract
    from hornet.training.bank import Bank

#: Training pictures on which the ranges of activations are measured.
_CALIBRATION_PICTURES: Final = 256
#: Validation and test pictures that torch answers too, to compare.
_COMPARED_PICTURES: Final = 200
#: Pictures whose predictions are timed at once for their energy.
_MEASURED: Final = 32


def _nothing(_: str) -> None:
    """Ignore a message."""


def export_run(
    run: Path,
    *,
    reporter: Callable[[str], None] = _nothing,
    licence: str | None = None,
    provenance: str | None = None,
) -> ExportResult:
    """Export a run in float32 and int8, prove that both answer like the network, and write bank, report and card.

    Args:
        run: A run folder with weights and calibration.
        reporter: Told what the user should read, a line each.
        licence: Of the model files; None: says that nobody stated one.
        provenance: Where weights and pictures come from; None: what the run knows.

    Returns:
        The files and their figures.

    Raises:
        ConfigError: If the run isn't there or isn't whole.
        DatasetError: If the run's pictures can't be read any more.
        ExportMismatch: If a file doesn't answer like the network. No artifact is left in the run then.
    """
    trained = load_run(run)
    rights = Rights(
        licence or "not stated by whoever exported it",
        provenance or describe_provenance(trained.config, trained.dataset),
    )
    reporter("computing the bank: what the network makes of the pictures it learned from")
    bank = make_bank(trained)
    save_bank(bank, trained.folder.bank)
    finals = {precision: run / name for precision, name in FILES.items()}
    # Inside the run, so that renaming at the end stays on one disk.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=run) as folder:
        try:
            drafts = _Exporter(trained, bank, Path(folder), rights, reporter).export()
        except ExportMismatch:
            for path in finals.values():
                path.unlink(missing_ok=True)
            raise
        done = {}
        for precision, draft in drafts.items():
            write_atomically(finals[precision], draft.path.read_bytes())
            done[precision] = replace(draft, path=finals[precision])
    files = {precision: Classifier.open(path) for precision, path in finals.items()}
    if trained.folder.energy.is_file():
        some = [record.path for record in trained.dataset.records[:_MEASURED]]
        add_predictions(trained.folder.energy, lambda: len(files["int8"].predict_batch(some)))
    report, card = write_report_and_card(
        trained,
        files,
        test=done["int8"].test,
        milliseconds={name: each.milliseconds for name, each in done.items()},
    )
    result = ExportResult(done["float32"], done["int8"], report, card)
    for name, each in (("float32", result.float32), ("int8", result.eight_bit)):
        reporter(
            f"{name}: {each.path} ({each.path.stat().st_size / 1e6:.1f} MB, {each.milliseconds:.1f} ms a picture), "
            f"validation AUC {each.agreement.auc:.4f}, probabilities differ from torch's by {each.agreement.mean:.2g} "
            f"in the mean and {each.agreement.largest:.2g} at most"
        )
    reporter(f"report: {report}")
    return result


class _Exporter:
    """The steps of one export and what they share."""

    def __init__(
        self, run: TrainedRun, bank: Bank, folder: Path, rights: Rights, reporter: Callable[[str], None]
    ) -> None:
        self._run = run
        self._bank = bank
        self._folder = folder
        self._report = reporter
        self._contract = draft_contract(run.config, run.calibration, run.dataset, run.weights, rights)
        self._rule = self._contract.pixel_rule
        self._validation = run.dataset.subset(VALIDATION)
        held_out = [*self._validation.records, *run.dataset.subset(TEST).records]
        self._compared: list[Record] = [held_out[i] for i in spread(held_out, _COMPARED_PICTURES)]
        pictures = RunPictures(self._compared, self._rule)
        self._pixels = pictures.batch(0, len(pictures))
        self._expected = network_answers(run.network, self._pixels, self._contract.temperature)

    def export(self) -> dict[str, Exported]:
        """Write both files into the draft folder and measure them.

        Raises:
            ExportMismatch: If one doesn't answer like the network.
        """
        self._report(f"exporting; comparing with torch on {len(self._compared)} pictures")
        module = ArtifactModule(self._run.network, mean=self._contract.mean, std=self._contract.std)
        model = export_graph(module, self._contract.size)
        float32 = self._finish(model, self._contract)
        if problems := float32.agreement.problems("float32"):
            raise _mismatch("float32", problems)
        self._check_golden(Classifier.open(float32.path))
        drafts = {"float32": float32, "int8": self._eight_bit(model, float32)}
        times = milliseconds([Classifier.open(draft.path) for draft in drafts.values()], self._pixels)
        return {
            name: replace(draft, milliseconds=time)
            for (name, draft), time in zip(drafts.items(), times, strict=True)
        }

    def _eight_bit(self, model: onnx.ModelProto, float32: Exported) -> Exported:
        training = self._run.dataset.subset(TRAIN).records
        chosen = [training[i] for i in spread(training, _CALIBRATION_PICTURES)]
        pictures = RunPictures(chosen, self._rule)
        self._report(f"quantising; ranges from {len(chosen)} training pictures")
        first: list[str] = []
        # Seven-bit weights answer alike on every CPU. Where they cost too much, eight bits are better than nothing.
        for reduce_range in (True, False):
            quantised = quantise(model, pictures, size=self._contract.size, reduce_range=reduce_range)
            how = {"pictures": len(chosen), "weight_bits": 7 if reduce_range else 8, "activation_bits": 8}
            contract = replace(
                self._contract, precision="int8", training={**self._contract.training, "quantisation": how}
            )
            done = self._finish(quantised, contract)
            problems = done.agreement.problems("int8", float32.validation)
            if not problems:
                self._check_golden(Classifier.open(done.path))
                return done
            first = first or problems
            self._report(f"int8 with {how['weight_bits']}-bit weights: {'; '.join(problems)}")
        raise _mismatch("int8", first)

    def _finish(self, model: onnx.ModelProto, contract: Contract) -> Exported:
        """Calibrate, measure and describe one precision, and write its final file."""
        records = self._validation.records
        labels = self._validation.labels()
        classifier = self._save(model, contract)
        answers = file_answers(classifier, records, self._run.bias)
        if contract.precision == "int8":
            # Its logits are a little off: temperature and threshold are fitted to them, not to the network's.
            temperature = fit_temperature(answers.logits, labels)
            threshold = fit_threshold(probability(answers.logits, temperature), labels)
            contract = replace(
                contract, temperature=temperature, decision_threshold=threshold, low=threshold, high=threshold
            )
        quality = summarize(
            labels,
            probability(answers.logits, contract.temperature),
            threshold=contract.decision_threshold,
            groups=self._validation.groups(),
        ).to_dict()
        novelty, words = learn_novelty(self._bank, answers.embedding, contract.precision)
        self._report(words)
        contract = replace(contract, novelty=novelty)
        classifier = self._save(model, contract)
        reference = learn_reference(
            probability(answers.logits, contract.temperature),
            classifier.novelty(answers.embedding),
            self._validation.groups(),
        )
        contract = replace(contract, reference=reference)
        agreement = self._compare(classifier, answers, quality)
        has_test = bool(self._run.dataset.subset(TEST).records)
        test = evaluate(classifier, self._run.dataset, split=TEST) if has_test else None
        contract = replace(
            self._with_golden(classifier, contract),
            quality={
                "measured": "this file, from picture bytes on",
                "validation": quality,
                "test": None if test is None else test.to_dict() | {"failures": len(test.failures)},
                "agreement": agreement.to_dict(),
            },
        )
        classifier = self._save(model, contract)
        return Exported(classifier.artifact.path, contract, agreement, quality, test)

    def _compare(self, classifier: Classifier, validation: Answers, quality: Mapping[str, Any]) -> Agreement:
        answers = file_answers(classifier, self._compared, self._run.bias)
        difference = np.abs(answers.probability - self._expected.probability)
        return Agreement(
            pictures=len(difference),
            mean=float(difference.mean()),
            percentile_99=float(np.quantile(difference, 0.99)),
            largest=float(difference.max()),
            identity=max(answers.identity, validation.identity),
            auc=float(quality["metrics"]["roc_auc"]["value"]),
        )

    def _with_golden(self, classifier: Classifier, contract: Contract) -> Contract:
        """Add golden examples: in float32 what torch answers, in int8 what the file does."""
        pictures = draw_golden(self._rule)
        if contract.precision == "float32":
            from hornet.images import pixels

            batch = np.stack([pixels(jpeg, self._rule) for _, jpeg in pictures])
            answers = network_answers(self._run.network, batch, contract.temperature)
            return with_golden(
                contract, pictures, answers.probability.tolist(), classifier.novelty(answers.embedding)
            )
        today = [classifier.predict(jpeg) for _, jpeg in pictures]
        return with_golden(
            contract, pictures, [one.probability for one in today], [one.novelty for one in today]
        )

    def _save(self, model: onnx.ModelProto, contract: Contract) -> Classifier:
        """Write graph and contract, which must agree, as one file, and open it as users would."""
        set_scalar(model, TEMPERATURE, contract.temperature)
        set_contract_text(model, contract_text(contract))
        path = self._folder / FILES[contract.precision]
        path.write_bytes(model.SerializeToString(deterministic=True))
        return Classifier.open(path)

    def _check_golden(self, classifier: Classifier) -> None:
        """Raise ExportMismatch unless the file gives the answers that it carries, and names no local place."""
        precision = classifier.contract.precision
        limit = 1e-4 if precision == "float32" else GOLDEN_TOLERANCE[precision]
        for golden in replay_golden(classifier):
            if not abs(golden.expected - golden.got) <= limit:
                raise _mismatch(
                    precision,
                    [
                        f"golden example {golden.name!r} answers {golden.got:.6f}, expected {golden.expected:.6f}"
                    ],
                )
            if not golden.ok:
                novelties = f"{golden.got_novelty}, expected {golden.expected_novelty}"
                raise _mismatch(precision, [f"golden example {golden.name!r} has novelty {novelties}"])
        places = local_places(self._run.folder.path)
        if found := find_text(classifier.artifact.path, places):
            raise _mismatch(precision, [f"the file names a place on this machine: {', '.join(found)}"])


def _mismatch(precision: str, problems: Sequence[str]) -> ExportMismatch:
    return ExportMismatch(
        f"the {precision} file doesn't answer like the network: {'; '.join(problems)}. No artifact was written; "
        "the weights are kept"
    )
