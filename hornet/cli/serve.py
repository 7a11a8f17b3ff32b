"""``hornet serve``: the HTTP service."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hornet.cli.common import ModelOption  # noqa: TC001 - typer reads annotations when it runs
from hornet.errors import MissingExtra

#: Packages of the ``serve`` extra, as their import fails.
EXTRA = frozenset(
    ("fastapi", "starlette", "pydantic", "uvicorn", "httptools", "python_multipart", "prometheus_client")
)


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; else HORNET_HOST, else 127.0.0.1: this machine only."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0: any free one; else HORNET_PORT, else 8000.")
    ] = None,
    model: ModelOption = None,
    collect: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Keep pictures that people give with the answer to 'was this right?', without place, time and camera, and "
            "announce it on the page; else HORNET_COLLECT, else nothing is kept.",
        ),
    ] = None,
    collect_days: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Delete collected pictures after N days; 0: never; else HORNET_COLLECT_DAYS, else 365.",
        ),
    ] = None,
) -> None:
    """Answer pictures over HTTP until Ctrl-C or SIGTERM.

    Without --model and HORNET_MODEL the champion of the registry answers, and a newly promoted one takes over while
    the server runs. Limits, keys and everything else are HORNET_ variables: see docs/serving.md. The address is
    printed on stdout, logs go to stderr as JSON lines.
    """
    try:
        from hornet.serving.server import run
        from hornet.serving.settings import ServeSettings
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise MissingExtra("serve", f"hornet serve ({error.name} is missing)") from None
    settings = ServeSettings.from_environment(
        os.environ, host=host, port=port, model=model, collect=collect, collect_days=collect_days
    )

    def announce(address: str) -> None:
        typer.echo(address)
        typer.get_text_stream("stdout").flush()

    run(settings, announce)
