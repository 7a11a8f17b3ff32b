"""``hornet export``: a trained run becomes the artifact, in two precisions."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated

import typer

from hornet.cli.common import JsonOption, emit_json, say


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, as hornet train makes it.")],
    *,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the model files, such as Apache-2.0.")
    ] = None,
    provenance: Annotated[
        str | None, typer.Option(help="Where weights and pictures come from; default: what the run knows.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Export a run as ONNX in float32 and int8, and prove that both answer like the network.

    Writes RUN/hornet-fp32.onnx, RUN/hornet-int8.onnx, RUN/report.html and RUN/MODEL_CARD.md. If a file answers
    otherwise than torch, from picture bytes to probability, no artifact is left and the exit code is 1.
    """
    from hornet.training.export import export_run

    result = export_run(run, reporter=say, licence=licence, provenance=provenance)
    if json_file != "-":
        typer.echo(str(result.fp32))
        typer.echo(str(result.int8))
    emit_json(result.to_dict(), json_file)
