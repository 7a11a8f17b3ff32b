"""``hornet report``: report and card of a run anew, with what the lab found out since."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import JsonOption, emit_json
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hornet.classifier import Classifier
    from hornet.dataset import Dataset
    from hornet.evaluation.evaluate import Evaluation


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder that was exported.")],
    *,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show small copies of the pictures.")
    ] = True,
    json_file: JsonOption = None,
) -> None:
    """Write RUN/report.html and RUN/MODEL_CARD.md anew, in the state of what lies in the run.

    'hornet export' writes both; this adds what was found out since, in the run or a folder of it: audit.json ('hornet
    data audit --json'), robustness.json ('hornet evaluate --corruptions --json'), rivals.json and attack.json ('hornet
    lab rivals' and 'attack' with --out). The report holds small copies of pictures: mind whose they are before you publish it.
    """
    from hornet.training.card import report_run

    html, card = report_run(run, with_pictures=pictures)
    if json_file != "-":
        typer.echo(str(html))
        typer.echo(str(card))
    emit_json({"report": str(html), "card": str(card)}, json_file)


def write_evaluation(
    file: Path,
    classifier: Classifier,
    result: Evaluation,
    dataset: Dataset,
    *,
    name: str,
    audit: Path | None,
    corruptions: Mapping[str, Any] | None,
    with_pictures: bool,
) -> None:
    """Write the report of an evaluation.

    Args:
        file: The HTML file.
        classifier: The model.
        result: What it answered.
        dataset: All pictures, those of other splits too.
        name: What the pictures are called.
        audit: What an audit wrote about them.
        corruptions: What corrupted pictures did to the figures.
        with_pictures: Whether the report shows pictures.

    Raises:
        ConfigError: If it can't be written, or the audit can't be read.
    """
    from dataclasses import replace

    from hornet.evaluation.audit_facts import audit_facts
    from hornet.evaluation.gather import facts_of_evaluation
    from hornet.evaluation.report import write_report
    from hornet.evaluation.words import said

    facts = facts_of_evaluation(
        classifier,
        result,
        dataset,
        title=said("title.evaluation", model=classifier.artifact.path.name, data=name),
        commands=(shlex.join(["hornet", *sys.argv[1:]]),),
        with_pictures=with_pictures,
        corruptions=corruptions,
    )
    if audit is not None:
        found = audit_facts(_read_audit(audit), dataset.records, with_pictures=with_pictures)
        facts = replace(facts, audit=found)
    try:
        write_report(file, facts)
    except OSError as error:
        raise ConfigError(f"can't write {file}: {error.strerror or error}; choose another --report") from None


def _read_audit(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} can't be read: {error}; make it with 'hornet data audit --json'") from None
    if not isinstance(document, dict) or "findings" not in document:
        raise ConfigError(f"{file} is no audit; make one with 'hornet data audit --json'")
    return document
