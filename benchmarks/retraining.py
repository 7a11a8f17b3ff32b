"""Do 50 own pictures help where they come from, and is anything forgotten? On real pictures, several draws.

The champion is a run that never saw a source. Each draw takes some pictures of that source, gives them to
``hornet retrain`` as its users do, and examines champion and challenger, as model files and whatever was decided, on all
pictures of the source that weren't drawn, and on observations of ``portal`` that neither learned from, was chosen by,
or has in its bank::

    python benchmarks/retraining.py RUNS/web-unseen --source web
    python benchmarks/retraining.py RUNS/portal --source hivecam --by-day

Intervals are 95 %, of resamples of groups that both models share. Pictures of ``web`` have no groups of their own: each
stands alone. With ``--by-day`` pictures are drawn from half of the days, and the exam is on the others.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from real_manifest import HIVECAM_TEXTS, Splits, real_pictures

from hornet.classifier import Classifier
from hornet.evaluation.evaluate import ALL, evaluate
from hornet.registry import Registry
from hornet.training.bank import read_bank, save_bank
from hornet.training.plan import RetrainResult, Wish
from hornet.training.retrain import compare_answers, retrain

if TYPE_CHECKING:
    from hornet.dataset import Dataset
    from hornet.evaluation.comparison import Comparison
    from hornet.evaluation.evaluate import Evaluation

_FIGURES: Final = {"roc_auc": "AUC", "f1": "F1", "accuracy": "accuracy"}


def pictures(source: str, *, by_day: bool) -> Dataset:
    """Return the pictures of a source, each with its own group or that of its day."""
    everything = real_pictures()
    masks = HIVECAM_TEXTS if source == "hivecam" else ()
    records = tuple(
        replace(r, group=r.group if by_day else r.name, masks=masks or r.masks)
        for r in everything.records
        if r.source == source
    )
    return replace(everything, records=records)


def known_pictures() -> Dataset:
    """Return the observations of portal that are for testing."""
    everything, splits = real_pictures(), Splits()
    records = [r for r in everything.records if r.source == "portal" and splits.portal[r.group] == "test"]
    return replace(everything, records=tuple(records))


def deal(dataset: Dataset, count: int, seed: int, *, by_day: bool) -> tuple[Dataset, Dataset]:
    """Draw some pictures; return them and those of the exam, with which they share no group."""
    generator = np.random.default_rng(seed)
    groups = np.array(dataset.groups())
    names = generator.permutation(np.unique(groups))
    pool = np.flatnonzero(np.isin(groups, names[: len(names) // 2] if by_day else names))
    drawn = np.sort(generator.permutation(pool)[:count])
    rest = np.flatnonzero(~np.isin(groups, names[: len(names) // 2])) if by_day else np.setdiff1d(pool, drawn)
    return dataset.select(drawn.tolist()), dataset.select(rest.tolist())


class Exams:
    """What both models answer to the exams; a champion's answers are asked for once."""

    def __init__(self, champion: Classifier, known: Dataset, own: Dataset) -> None:
        self._champion = evaluate(champion, known, split=ALL)
        self._own = evaluate(champion, own, split=ALL, resamples=10)
        self._known = known

    def known(self, challenger: Classifier) -> Comparison:
        """Compare on what was known before."""
        return compare_answers(self._champion, evaluate(challenger, self._known, split=ALL, resamples=10))

    def own(self, challenger: Classifier, rest: Dataset) -> Comparison:
        """Compare on the pictures of the source that weren't drawn."""
        after = evaluate(challenger, rest, split=ALL, resamples=10)
        names = {record.name: place for place, record in enumerate(self._own.records)}
        places = [names[record.name] for record in after.records]
        before: Evaluation = replace(
            self._own,
            records=tuple(self._own.records[i] for i in places),
            labels=self._own.labels[places],
            probabilities=self._own.probabilities[places],
        )
        return compare_answers(before, after)


def draw(seed: int, arguments: argparse.Namespace, dataset: Dataset, exams: Exams) -> dict[str, Any]:
    """Retrain on one draw, and examine."""
    run, by_day = arguments.run, arguments.by_day
    own, rest = deal(dataset, arguments.count, seed, by_day=by_day)
    with tempfile.TemporaryDirectory() as folder:
        registry, bank = Registry(Path(folder) / "registry"), Path(folder) / "bank.safetensors"
        # The run was tested on the source, so that retraining would hold all of it out for ever.
        save_bank(replace(read_bank(run / "bank.safetensors"), held_out=np.zeros(0, np.int64)), bank)
        entry = registry.add(
            run / "hornet-int8.onnx",
            weights=run / "weights.safetensors",
            bank=bank,
            parent="",
            note="",
            record={},
        )
        registry.promote(entry.id)
        result = retrain(
            own,
            Path(folder) / "run",
            Wish(layers="head", given={"seed": seed}),
            registry=registry,
            report=lambda line: print(f"  {line}", flush=True),
            live=lambda _: None,
        )
        assert isinstance(result, RetrainResult)
        challenger = Classifier.open(registry.model_path(result.entry.id))
        parts = {"own": exams.own(challenger, rest), "known": exams.known(challenger)}
    return {
        "seed": seed,
        "drawn": [len(own), int(own.labels().sum())],
        "promoted": result.promoted,
        "reason": result.reason,
        "decided_on": {"own": result.own.to_dict(), "earlier": result.earlier and result.earlier.to_dict()},
        **{name: comparison.to_dict() for name, comparison in parts.items()},
    }


def show(title: str, draws: list[dict[str, Any]], part: str) -> list[str]:
    """Return a table in Markdown: a line a draw, and the means."""
    n = sorted({one[part]["champion"]["n"] for one in draws})
    count = f"{n[0]} to {n[-1]}" if len(n) > 1 else str(n[0])
    lines = [f"{title} ({count} pictures)", ""]
    lines.append("| draw | " + " | ".join(_FIGURES.values()) + " | promoted |")
    lines.append("| --- |" + " ---: |" * len(_FIGURES) + " --- |")
    for one in draws:
        cells = []
        for name in _FIGURES:
            old, new = (one[part][side]["metrics"][name]["value"] for side in ("champion", "challenger"))
            change = one[part]["differences"][name]
            cells.append(
                f"{old:.3f} -> {new:.3f}: {change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
            )
        lines.append(f"| {one['seed']} | " + " | ".join(cells) + f" | {'yes' if one['promoted'] else 'no'} |")
    means = [np.mean([one[part]["differences"][name]["value"] for one in draws]) for name in _FIGURES]
    lines.append("| mean | " + " | ".join(f"{mean:+.3f}" for mean in means) + " | |")
    return [*lines, ""]


def main() -> None:
    """Draw, retrain, examine, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="exported run that never saw the source")
    parser.add_argument("--source", required=True)
    parser.add_argument("--by-day", action="store_true", help="draw from half of the groups")
    parser.add_argument("--count", type=int, default=50, help="pictures of a draw")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    dataset = pictures(arguments.source, by_day=arguments.by_day)
    exams = Exams(Classifier.open(arguments.run / "hornet-int8.onnx"), known_pictures(), dataset)
    draws = []
    for seed in range(arguments.draws):
        print(f"draw {seed}", flush=True)
        draws.append(draw(seed, arguments, dataset, exams))
    lines = show(f"`{arguments.source}`, what wasn't drawn", draws, "own")
    lines += show("Known before: observations of `portal` that nothing learned from", draws, "known")
    print("\n".join(lines))
    for one in draws:
        print(f"draw {one['seed']}: {one['drawn'][1]} of {one['drawn'][0]} with a hornet; {one['reason']}")
    if arguments.json:
        arguments.json.write_text(json.dumps(draws, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
