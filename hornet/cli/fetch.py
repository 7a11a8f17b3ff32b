"""``hornet data fetch``: pictures of GBIF with their licences."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from hornet.dataset.gbif.fetch import Supply, Wish

_MEBIBYTE = 1024 * 1024
_WORDS = {
    "licence": "other licences",
    "no licence": "without a licence of their own",
    "no picture": "no pictures",
    "taxon": "of what is present, or not known to the species",
    "dead": "dead links",
    "duplicate": "copies",
    "host": "on hosts that don't answer",
}


def fetch(  # noqa: PLR0917 - one parameter a flag
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for pictures and manifest.csv.")],
    present: Annotated[
        str, typer.Option(metavar="TAXA", help="Scientific names, with commas between, of what is present.")
    ],
    absent: Annotated[str, typer.Option(metavar="TAXA", help="Likewise, of what is absent.")] = "",
    per_class: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures of each class.")] = 500,
    licence: Annotated[
        str,
        typer.Option(
            help="Of the pictures: cc0, cc-by, cc-by-sa, cc-by-nd, cc-by-nc, cc-by-nc-sa, cc-by-nc-nd, with commas between."
        ),
    ] = "cc0,cc-by",
    per_observation: Annotated[int, typer.Option(min=1, help="Most pictures of one observation.")] = 1,
    specimens: Annotated[bool, typer.Option("--specimens", help="Also pinned ones of collections.")] = False,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Largest picture, MiB.")] = 32,
    rate: Annotated[
        float, typer.Option(min=0.01, max=10, help="Most requests a second, all together.")
    ] = 2.0,
    contact: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Yours, told to the servers, so that they can write to you."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Another GBIF; else HORNET_GBIF_URL, else https://api.gbif.org/v1."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and fetch nothing.")] = False,
    json: JsonOption = None,
) -> None:
    """Fetch labelled pictures from GBIF, with licence and rights holder, balanced over taxa.

    The same command goes on where an earlier one ended; nothing is fetched twice. Links that give no picture are in
    OUT/dead-links.csv. Exit code 3: there are fewer pictures than asked for.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset.gbif.addresses import Guard
    from hornet.dataset.gbif.api import BASE, Api
    from hornet.dataset.gbif.fetch import Fetching, Wish, count, look_up
    from hornet.dataset.gbif.ledger import Ledger
    from hornet.dataset.gbif.licences import parse_wanted
    from hornet.dataset.gbif.web import Web, WebError

    wish = Wish(
        present=_names(present),
        absent=_names(absent),
        per_class=per_class,
        licences=parse_wanted(licence),
        per_observation=per_observation,
        specimens=specimens,
        most_bytes=max_megabytes * _MEBIBYTE,
    )
    if not wish.present:
        raise ConfigError(
            "--present names no taxon; write a scientific name, as in --present 'Vespa velutina'"
        )
    base = base_url or os.environ.get("HORNET_GBIF_URL", "").strip() or BASE
    web = Web(Guard.of(base), rate=rate, agent=_agent(contact))
    api = Api(web, base)
    try:
        supplies = look_up(api, wish)
        if dry_run:
            count(api, wish, supplies)
    except WebError as error:
        raise ConfigError(f"{base} can't be asked: {error}") from None
    for supply in supplies:
        say(f"{supply.taxon.asked}: {supply.taxon.name}, GBIF's taxon {supply.taxon.key}")
    if dry_run:
        _print_counts(supplies)
        emit_json(_facts(wish, supplies, None), json)
        return
    progress = Progress()
    with closing(Ledger(out)) as ledger:
        try:
            Fetching(api, web, ledger, wish, progress.live).run(supplies)
        finally:
            progress.clear()
            _print(wish, supplies)
            say(f"{ledger.manifest}: {len(ledger):,} pictures; links that gave none: {ledger.dead.name}")
        emit_json(_facts(wish, supplies, ledger.manifest), json)
    if _short(wish, supplies):
        raise typer.Exit(Exit.SOME_FAILED)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))


def _agent(contact: str | None) -> str:
    from hornet import __version__

    if contact is not None and not (contact.isascii() and contact.isprintable()):
        raise ConfigError(f"--contact {contact!r}: write an address in plain letters")
    return f"hornet-detector/{__version__}" + (f" ({contact})" if contact else "")


def _print_counts(supplies: list[Supply]) -> None:
    for supply in supplies:
        word = "present" if supply.label else "absent"
        say(f"{word:8} {supply.taxon.asked}: {supply.found or 0:,} observations with pictures")
    say("nothing was fetched; single pictures may have stricter licences than their records")


def _print(wish: Wish, supplies: list[Supply]) -> None:
    for supply in supplies:
        word = "present" if supply.label else "absent"
        why = ", ".join(f"{number:,} {_WORDS[code]}" for code, number in sorted(supply.refused.items()))
        found = "" if supply.found is None else f" of {supply.found:,} observations"
        say(
            f"{word:8} {supply.taxon.asked}: {supply.kept:,} pictures{found}"
            + (f"; not taken: {why}" if why else "")
        )
    for label, missing in _short(wish, supplies).items():
        say(
            f"{label}: {missing:,} fewer than asked for; GBIF has no more with these licences, or some don't answer"
        )


def _short(wish: Wish, supplies: list[Supply]) -> dict[str, int]:
    """Return how many pictures each class lacks."""
    missing = {}
    for label, word in ((1, "present"), (0, "absent")):
        own = [supply.kept for supply in supplies if supply.label == label]
        if own and sum(own) < wish.per_class:
            missing[word] = wish.per_class - sum(own)
    return missing


def _facts(wish: Wish, supplies: list[Supply], manifest: Path | None) -> dict[str, Any]:
    return {
        "manifest": None if manifest is None else manifest.as_posix(),
        "taxa": [
            {
                "label": "present" if supply.label else "absent",
                "taxon": supply.taxon.asked,
                "name": supply.taxon.name,
                "key": supply.taxon.key,
                "observations": supply.found,
                "pictures": supply.kept,
                "not_taken": dict(supply.refused),
            }
            for supply in supplies
        ],
        "short": _short(wish, supplies) if manifest else {},
    }
