"""``hornet lab attack``: how easily is a network fooled on purpose?"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hornet.cli.common import JsonOption, emit_json, say
from hornet.cli.lab.common import (
    DeviceOption,
    OutOption,
    SeedOption,
    ThreadsOption,
    make_folder,
    scratch_folder,
    write_document,
    write_table,
)

if TYPE_CHECKING:
    from hornet.training.robustness import Robustness

_FIGURES = ("accuracy", "roc_auc")
_DEFAULT = {"fgsm": [2, 4], "pgd": [2, 4], "patch": [255]}


def attack(  # noqa: PLR0917 - one parameter a flag
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder; its weights are attacked.")],
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="Pictures the run hasn't seen. [the run's own test split]"),
    ] = None,
    method: Annotated[
        Literal["fgsm", "pgd", "patch"],
        typer.Option("--attack", help="One step; several; or a square that may change freely."),
    ] = "pgd",
    epsilon: Annotated[
        list[int] | None,
        typer.Option(min=0, max=255, help="Largest change, levels of 255; repeatable. [2 and 4; patch: 255]"),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Gradients a picture, for pgd and patch.")] = 10,
    fraction: Annotated[float, typer.Option(help="Share of the picture that a patch covers.")] = 0.05,
    limit: Annotated[
        int | None, typer.Option(min=2, help="At most so many pictures, classes and sources in proportion.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Pictures in the grid of examples.")] = 6,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Change pictures so that the network errs, and measure what is left of its quality.

    The attacker knows the weights and changes the picture after it was resized: the worst case. DATA's test split is
    taken where it has one.
    """
    import os

    from hornet.cli.progress import Progress
    from hornet.dataset import check_unseen, load_dataset
    from hornet.evaluation.evaluate import choose_split
    from hornet.training.agreement import spread
    from hornet.training.attack import Attack
    from hornet.training.hardware import choose_hardware, cpu_threads
    from hornet.training.robustness import measure_robustness
    from hornet.training.trained import load_run

    attacks = [Attack(method, e, steps, fraction) for e in sorted(set(epsilon or _DEFAULT[method]))]
    trained = load_run(run)
    split, part = choose_split(trained.dataset if data is None else load_dataset(data), None)
    if limit is not None:
        part = part.select(spread(part.records, limit))
    check_unseen(trained.dataset, part.records, str(run))
    progress = Progress()
    with scratch_folder() as scratch, cpu_threads(threads or os.cpu_count() or 1):
        result = measure_robustness(
            trained, part, attacks, choose_hardware(device, "float32"), scratch, seed=seed, live=progress.live
        )
    progress.clear()
    words = attacks[0].describe()
    document = {"run": str(run), "split": split, "attack": words, "seed": seed, **result.to_dict()}
    if json != "-":
        _print(result, split, words)
    if out is not None:
        _write(result, document, make_folder(out), examples)
        say(f"{out}: attack.csv, attack.json, attack.png" + (", examples.png" if examples else ""))
    emit_json(document, json)


def _print(result: Robustness, split: str, words: str) -> None:
    from hornet.evaluation.tables import TITLES, describe, interval, text_table

    rows = [("none", *(interval(result.clean.metrics[name]) for name in _FIGURES), "")]
    rows += [
        (
            f"{one.attack.epsilon}/255",
            *(interval(one.quality.metrics[name]) for name in _FIGURES),
            interval(one.lost),
        )
        for one in result.attacked
    ]
    typer.echo(describe(result.clean, split))
    typer.echo(f"\nAttack: {words}.\n")
    typer.echo(text_table(("strength", *(TITLES[name] for name in _FIGURES), "accuracy lost"), rows))


def _write(result: Robustness, document: dict[str, Any], folder: Path, examples: int) -> None:
    from hornet.evaluation.grids import attack_examples, draw_attack
    from hornet.evaluation.plots import plot_strengths

    head = ["epsilon", *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")), "n", "groups"]
    attacked = [one for one in result.attacked if one.attack.epsilon]  # at 0 it is the clean line again
    strengths = [0, *(one.attack.epsilon for one in attacked)]
    qualities = [result.clean, *(one.quality for one in attacked)]
    rows = []
    for strength, quality in zip(strengths, qualities, strict=True):
        figures = [quality.metrics[name] for name in _FIGURES]
        rows.append(
            [strength, *(x for e in figures for x in (e.value, e.low, e.high)), quality.n, quality.groups]
        )
    write_table(folder / "attack.csv", head, rows)
    write_document(folder / "attack.json", document)
    plot_strengths(strengths, qualities, folder / "attack.png", title=document["attack"])
    if examples:
        worst = result.attacked[-1]
        chosen = attack_examples(result.probabilities, worst.probabilities, result.labels, examples)
        draw_attack(
            (result.pictures[chosen], worst.pictures[chosen]),
            (result.probabilities[chosen], worst.probabilities[chosen]),
            result.labels[chosen],
            folder / "examples.png",
            title=f"{document['attack']}, at most {worst.attack.epsilon} levels of 255",
        )
