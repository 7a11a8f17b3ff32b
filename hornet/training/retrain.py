"""Champion against challenger: learn from new pictures without becoming worse, anywhere that has a name.

Labels are audited, merged with earlier ones and split; what was held out stays held out. The challenger is the
champion with another head, fitted to the new pictures and the bank (``head``), or a network that was fine-tuned
as a whole (``all``). Both are then measured, as artifacts and through the code of ``predict``, on held-out groups
of new and earlier pictures; with ``head`` also on the bank's validation part, for what was known before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hornet.artifact import open_artifact
from hornet.classifier import Classifier
from hornet.dataset import TEST, TRAIN, check_classes, fingerprint, split_dataset, write_manifest
from hornet.errors import ConfigError
from hornet.evaluation.audit import PARTS, audit
from hornet.evaluation.comparison import Answers, Comparison, compare
from hornet.evaluation.evaluate import evaluate
from hornet.registry import BANK_FILE, CHAMPION, PACKED, WEIGHTS_FILE, Registry, find_model
from hornet.training.bank import read_bank, trunk_digest
from hornet.training.config import build_config
from hornet.training.contract import contract_text, portable_settings, software_versions
from hornet.training.earlier import LABELS_FILE, merge, remember
from hornet.training.export import export_run
from hornet.training.graph import set_contract_text
from hornet.training.plan import Plan, RetrainResult, Wish
from hornet.training.rehearsal import open_trunk, rehearse
from hornet.training.run import train_run
from hornet.training.runfolder import RunFolder, save_json
from hornet.training.starting import IMAGENET, starting_bank, starting_weights
from hornet.training.weights import read_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hornet.artifact import Contract
    from hornet.dataset import Dataset
    from hornet.evaluation.evaluate import Evaluation

#: A retraining of all layers starts from a network that knows hornets: gentler than a first training.
DEFAULTS: dict[str, Any] = {"epochs": 5, "head_epochs": 2, "lr": 1e-4, "label_smoothing": 0.05}
#: What a retraining of the head alone takes of these settings.
_OF_HEAD: Final = frozenset({"seed", "group_by"})


def retrain(
    dataset: Dataset,
    out: Path,
    wish: Wish,
    *,
    registry: Registry | None = None,
    confirm: Callable[[], bool] = lambda: True,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> RetrainResult | Plan:
    """Train a challenger and promote it if it isn't worse than the champion.

    Args:
        dataset: New labelled pictures; where they have no groups, these are derived.
        out: Run folder of the challenger, new or empty.
        wish: What is asked for.
        registry: None: the default one.
        confirm: Asked once the plan was told; False ends it there.
        report: Told what the user should read, a line each.
        live: Told often how far it is.

    Returns:
        What came of it; the plan alone if that is all that was asked for or confirmed.

    Raises:
        ArtifactError: If the champion can't be used.
        ConfigError: If there is nothing to start from, or a setting makes no sense.
        DatasetError: If the pictures can't be split or read.
        ExportMismatch: If the challenger's artifact doesn't answer like its network.
    """
    if not 0 <= wish.margin <= 1:
        raise ConfigError(f"--margin {wish.margin:g}: must be from 0 to 1")
    registry = registry or Registry()
    job = _Job(registry, wish, report, live)
    plan = job.plan(dataset)
    for line in plan.describe():
        report(line)
    if wish.dry_run or not confirm():
        return plan
    return job.finish(plan, out)


class _Job:
    """One retraining: what its steps share."""

    def __init__(
        self, registry: Registry, wish: Wish, report: Callable[[str], None], live: Callable[[str], None]
    ) -> None:
        self._registry, self._wish, self._report, self._live = registry, wish, report, live
        self._given = dict(wish.given or {})
        self._parent = registry.index().champion or PACKED
        self._champion = Classifier.open(find_model(CHAMPION, registry))
        self._weights = starting_weights(wish.start, registry)
        self._bank_file = starting_bank(wish.start, registry)
        self._bank = None if self._bank_file is None else read_bank(self._bank_file)

    def plan(self, dataset: Dataset) -> Plan:
        """Choose, audit and merge; nothing is written."""
        layers = self._layers()
        merged = merge(
            dataset,
            self._registry.folder / LABELS_FILE,
            self._bank,
            group_by=self._given.get("group_by", "auto"),
            seed=self._given.get("seed", 0),
            live=self._live,
        )
        quick = [part for part in PARTS if part.quick]
        found = audit(merged.dataset, masks=self._champion.contract.masks, parts=quick, progress=self._live)
        return Plan(self._parent, self._weights, layers, merged, found)

    def finish(self, plan: Plan, out: Path) -> RetrainResult:
        """Train, compare, keep and, if it isn't worse, promote."""
        dataset = plan.merged.dataset
        if plan.layers == "head":
            model, earlier, settings = self._head(dataset, out)
        else:
            model, earlier, settings = self._all(dataset, out)
        held_out = dataset.subset(TEST)
        challenger = Classifier.open(model)
        before, after = (evaluate(one, held_out) for one in (self._champion, challenger))
        own = compare_answers(before, after)
        problems = [f"on held-out pictures: {text}" for text in own.problems(self._wish.margin)]
        if earlier is not None:
            problems += [f"on what it knew before: {text}" for text in earlier.problems(self._wish.margin)]
        problems += self._unmeasured(plan, dataset)
        reason = "; ".join(problems) or _not_worse(own, earlier)
        figures = {"own": own.to_dict(), "earlier": None if earlier is None else earlier.to_dict()}
        model = _with_quality(model, after, figures)
        entry = self._registry.add(
            model,
            weights=out / WEIGHTS_FILE,
            bank=out / BANK_FILE,
            parent=self._parent,
            note=reason,
            record={
                "fingerprint": fingerprint(dataset),
                "layers": plan.layers,
                "start": Path(self._weights).name,
                "settings": settings,
                "margin": self._wish.margin,
                "promoted": not problems,
                **figures,
                "software": software_versions(),
            },
        )
        with self._registry.changing():
            remember(dataset, self._registry.folder / LABELS_FILE)
        if not problems:
            self._registry.promote(entry.id)
        result = RetrainResult(plan, not problems, reason, entry, own, earlier)
        save_json(out / "comparison.json", result.to_dict())
        return result

    def _layers(self) -> str:
        fits = (
            self._bank is not None
            and self._weights != IMAGENET
            and self._champion.contract.pooling == "mean"
            and self._bank.trunk == trunk_digest(read_state(Path(self._weights)))
        )
        layers = self._wish.layers if self._wish.layers != "auto" else "head" if fits else "all"
        if layers == "head" and not fits:
            raise ConfigError(
                "--layers head needs a bank of the weights to start from, and mean pooling; 'hornet export' writes "
                "the bank into a run. Start from such a run with --from, or take --layers all"
            )
        strangers = sorted(set(self._given) - _OF_HEAD)
        if layers == "head" and strangers:
            raise ConfigError(
                f"--{strangers[0].replace('_', '-')} is for --layers all; the head has no epochs"
            )
        return layers

    def _head(self, dataset: Dataset, out: Path) -> tuple[Path, Comparison | None, dict[str, Any]]:
        folder = RunFolder(out)
        folder.claim()
        write_manifest(dataset, folder.manifest)
        bank_file = self._bank_file
        if bank_file is None:  # _layers saw to it
            raise ConfigError("there is no bank; take --layers all")
        trunk = open_trunk(self._champion, Path(self._weights), bank_file)
        made = rehearse(
            trunk,
            dataset,
            out,
            margin=self._wish.margin,
            seed=self._given.get("seed", 0),
            report=self._report,
            live=self._live,
        )
        chosen = {"share": made.fitted.share, "pull": made.fitted.pull, "seed": self._given.get("seed", 0)}
        return made.model, made.forgetting, chosen

    def _all(self, dataset: Dataset, out: Path) -> tuple[Path, None, dict[str, Any]]:
        contract = self._champion.contract
        dataset = split_dataset(dataset, test=0.0, seed=self._given.get("seed", 0))
        check_classes(dataset.subset(TRAIN), "The training split")
        config = build_config(
            # What the champion's pictures looked like, the challenger's should: same size, same masks.
            {
                "data": dataset.root,
                "weights": self._weights,
                **_pixels(contract),
                **DEFAULTS,
                **self._given,
            }
        )
        train_run(config, dataset, out, report=self._report, live=self._live)
        exported = export_run(out, reporter=self._report)
        model = exported.int8 if contract.precision == "int8" else exported.fp32
        return model, None, portable_settings(config)

    def _unmeasured(self, plan: Plan, dataset: Dataset) -> list[str]:
        """Say what the champion knew of which nobody can tell whether a fine-tuned challenger forgot it."""
        if plan.layers == "head" or self._bank is None:
            return []
        here = {record.source for record in dataset.subset(TEST).records}
        lost = sorted(set(self._bank.sources) - here)
        if not lost:
            return []
        names = ", ".join(name or "pictures without a source" for name in lost)
        why = (
            f"the champion learned from {names}, of which no picture is held out here: whether these other layers "
            "forgot them can't be measured; add such pictures, take --layers head, or promote it yourself"
        )
        return [why]


def compare_answers(champion: Evaluation, challenger: Evaluation) -> Comparison:
    """Compare what two models answered to the same pictures."""
    records = champion.records
    return compare(
        champion.labels,
        Answers(champion.probabilities, champion.overall.threshold),
        Answers(challenger.probabilities, challenger.overall.threshold),
        groups=[record.group or record.name for record in records],
        columns={
            name: [record.column(name) for record in records] for name in ("source", "camera", "species")
        },
    )


def _not_worse(own: Comparison, earlier: Comparison | None) -> str:
    parts = [f"not worse on {own.challenger.n} held-out pictures ({_figures(own)})"]
    if earlier is not None:
        parts.append(f"nor on {earlier.challenger.n} of what it knew before ({_figures(earlier)})")
    return ", ".join(parts)


def _figures(comparison: Comparison) -> str:
    name = "roc_auc" if comparison.differences["roc_auc"].value is not None else "accuracy"
    old, new = (side.metrics[name].value for side in (comparison.champion, comparison.challenger))
    return f"{'AUC' if name == 'roc_auc' else name} {new:.4f} against {old:.4f}"


def _with_quality(model: Path, measured: Evaluation, figures: Mapping[str, Any]) -> Path:
    """Write into a model what was measured of it."""
    import onnx

    contract = open_artifact(model).contract
    test = measured.to_dict() | {"failures": len(measured.failures)}
    about = {
        "measured": "by hornet retrain: test on held-out groups of new pictures, earlier on the bank's validation part",
        "test": test,
        "earlier": (figures["earlier"] or {}).get("challenger"),
    }
    document = onnx.load(model)
    set_contract_text(document, contract_text(replace(contract, quality={**contract.quality, **about})))
    model.write_bytes(document.SerializeToString(deterministic=True))
    return model


def _pixels(contract: Contract) -> dict[str, Any]:
    return {
        "size": contract.size,
        "resize": contract.resize,
        "masks": contract.masks,
        "pooling": contract.pooling,
    }
