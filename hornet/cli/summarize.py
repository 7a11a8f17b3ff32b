"""``hornet summarize``: what many verdicts say together."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from hornet.cli.common import JsonOption, ModelOption, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hornet.drift import Drift
    from hornet.inference.activity import Activity, Rate
    from hornet.inference.results import Result

_BAR: Final = 30
_WORDS: Final = {
    "probability": "probabilities",
    "novelty": "novelty",
}


def summarize(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="What 'hornet predict -o FILE' wrote: CSV, JSON(L) or Parquet."
        ),
    ],
    *,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw the activity, as one SVG for any browser.")
    ] = None,
    site: Annotated[
        Literal["auto", "folder", "camera"],
        typer.Option(help="What a site is; auto: the folder if there are several, else the camera."),
    ] = "auto",
    model: ModelOption = None,
    json_file: JsonOption = None,
) -> None:
    """Tell activity by hour, day and site, and how far the pictures are from those that the model was made with.

    Rates are hornets per picture taken, with intervals. Times are those of the column captured_at ('hornet predict
    --exif'), else of file names. MODEL must be the one that predicted.
    """
    from hornet.inference.activity import measure_activity
    from hornet.inference.results import read_results

    rows = read_results(results)
    activity = measure_activity(rows, site)
    drifts, why = _drift(rows, model)
    if json_file != "-":
        for line in _lines(activity, drifts, why, rows):
            typer.echo(line)
    emit_json(
        {
            "results": str(results),
            "activity": activity.to_dict(),
            "novel": _novel(rows),
            "drift": [one.to_dict() for one in drifts],
        },
        json_file,
    )
    if svg is not None:
        from hornet.inference.activity_svg import draw_activity
        from hornet.inference.output import whole_file

        with whole_file(str(svg)) as file:
            file.write(draw_activity(activity, f"Asian hornets in {results.name}").encode())
        say(f"drawing {svg}")


def _drift(rows: Sequence[Result], model: str | None) -> tuple[list[Drift], str]:
    """Return how far the rows are from the model's reference, and why where there is nothing to say."""
    from hornet.artifact import open_artifact
    from hornet.drift import Reference
    from hornet.registry import resolve_model

    path = resolve_model(model)
    document = open_artifact(path).contract.reference
    if document is None:
        return (
            [],
            f"{path.name} holds no reference; a model that was exported since tells how far pictures are from it",
        )
    answers = {
        "probability": [row.probability for row in rows if row.probability is not None],
        "novelty": [row.novelty for row in rows if row.novelty is not None],
    }
    return Reference.from_document(document).compare(answers), ""


def _novel(rows: Sequence[Result]) -> dict[str, int] | None:
    """Count pictures beyond the novelty limit; None where the rows don't say."""
    from hornet.decision import is_novel

    known = [row.novelty for row in rows if row.novelty is not None]
    return {"beyond": sum(map(is_novel, known)), "pictures": len(known)} if known else None


def _lines(activity: Activity, drifts: Sequence[Drift], why: str, rows: Sequence[Result]) -> Iterator[str]:
    """Yield what people read."""
    total = activity.total
    if total is None:
        yield f"no picture has a verdict; {activity.failed} failed"
        return
    yield (
        f"{total.pictures:,} pictures: {total.present:,} present, {total.unsure:,} unsure, "
        f"{total.pictures - total.present - total.unsure:,} absent; {activity.failed:,} without a verdict"
    )
    yield f"hornets per picture: {_interval(total)}"
    for name, rates in (("hour", activity.hours), ("day", activity.days), ("site", activity.sites)):
        if rates:
            yield ""
            yield from _table(name, rates)
    if activity.timeless:
        yield ""
        yield (
            f"without a time of day: {activity.timeless:,}, without a date: {activity.dayless:,}; 'hornet predict "
            "--exif' adds those of EXIF"
        )
    yield ""
    if (novel := _novel(rows)) is not None:
        yield f"unlike anything the model was trained with: {novel['beyond']:,} of {novel['pictures']:,} pictures"
    elif not why:
        yield "whether pictures are unlike anything seen isn't in these rows: predict with --unknown"
    for drift in drifts:
        yield _sentence(drift)
    if why:
        yield why


def _table(name: str, rates: Sequence[Rate]) -> Iterator[str]:
    from hornet.inference.sinks import printable

    names = [printable(rate.name) for rate in rates]
    width = max(len(name), *map(len, names))
    most = max(rate.share for rate in rates) or 1.0
    yield f"{name:<{width}}  pictures  present  unsure  hornets per picture"
    for text, rate in zip(names, rates, strict=True):
        bar = "#" * round(_BAR * rate.share / most)
        yield (
            f"{text:<{width}}  {rate.pictures:>8,}  {rate.present:>7,}  {rate.unsure:>6,}  {_interval(rate)}  {bar}"
        ).rstrip()


def _interval(rate: Rate) -> str:
    return f"{rate.share:.3f} ({rate.low:.3f} to {rate.high:.3f})"


def _sentence(drift: Drift) -> str:
    """Say how far pictures are, and whether that means something."""
    what = f"{_WORDS[drift.quantity]} of {drift.pictures:,} pictures: drift {drift.index:.3f}"
    if drift.limit is None:
        return f"{what}; too few pictures to tell whether that is more than chance"
    if not drift.beyond:
        return f"{what}, within what chance explains (up to {drift.limit:.3f})"
    means = (
        "they are another kind of picture than those that the model was made with; look at some, and measure: 'hornet evaluate'"
        if drift.quantity == "novelty"
        else "more or fewer hornets than there, or another kind of picture"
    )
    return f"{what}, beyond what chance explains (up to {drift.limit:.3f}): {means}"
