"""``hornet lab``: experiments on your own pictures, with intervals; nothing here changes a model."""

from __future__ import annotations

import typer

from hornet.cli.lab.attack import attack
from hornet.cli.lab.learning import learning_curve
from hornet.cli.lab.rivals import rivals
from hornet.cli.lab.schedules import schedules

app = typer.Typer(
    no_args_is_help=True, help="Experiments on your own pictures: rivals, learning curves, attacks, ..."
)


@app.callback()
def _lab() -> None:
    """Experiments on your own pictures; nothing here changes a model."""


app.command("rivals")(rivals)
app.command("attack")(attack)
app.command("learning-curve")(learning_curve)
app.command("schedules")(schedules)
