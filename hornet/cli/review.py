"""``hornet review``: a person looks at pictures and says what is on them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from hornet.cli.common import Exit, JsonOption, ModelOption, emit_json, say
from hornet.cli.serve import EXTRA
from hornet.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from hornet.classifier import Failure
    from hornet.review.answers import Answers

_SHOWN_FAILURES = 5


def review(  # noqa: PLR0917 - one parameter a flag
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS|FOLDER",
            help="What hornet predict wrote, or a folder of pictures.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="MANIFEST",
            help="Where answers go; what is there stays. [FOLDER/reviewed.csv, or RESULTS-reviewed.csv]",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Show N pictures: doubtful ones, and of all kinds. Else all, doubtful ones first.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Column source of the manifest. [the folder's name]"),
    ] = None,
    model: ModelOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    json: JsonOption = None,
) -> None:
    """Look at pictures in a browser and say what is on them: hornet, no hornet, skip, undo; by keyboard.

    Pictures worth an eye come first: the model is unsure, it says otherwise of pictures that look alike or were taken
    a moment before and after, or they are unlike what it learned from. Each says why it is shown. The manifest is whole
    after every answer, and hornet train and hornet retrain take it as it is; the same command goes on later.
    The page is for this machine alone. Its address is printed on stdout. Exit code 3: some pictures can't be read.
    """
    try:
        from hornet.review.run import review as serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise MissingExtra("serve", f"hornet review ({error.name} is missing)") from None
    from hornet.classifier import Classifier
    from hornet.cli.progress import Progress
    from hornet.inference.records import software
    from hornet.registry import resolve_model
    from hornet.review.answers import Answers
    from hornet.review.gather import gather
    from hornet.review.looks import Looks
    from hornet.review.session import Session, arrange

    if not source.exists():
        raise ConfigError(f"{source} isn't there. Name a folder of pictures, or results of 'hornet predict'.")
    path = resolve_model(model)
    classifier = Classifier.open(path, threads=1)  # batches side by side instead, as in predict

    def announce(address: str) -> None:
        typer.echo(address)
        typer.get_text_stream("stdout").flush()
        if browser:
            _open(address)
        say("The button 'Done' on the page, or Ctrl-C here, ends it; every answer is kept at once.")

    with closing(Answers(out or _default(source), _name(source) if name is None else name)) as answers:
        progress = Progress()
        kept = answers.manifest.with_name(f".{answers.manifest.name}.looks.npz")
        gathered = gather(source, classifier, progress.live, Looks(kept, software(path)))
        progress.clear()
        _tell(gathered.failures)
        session = Session(arrange(gathered, answers, classifier.contract, batch), answers, classifier)
        if not len(session):
            say(f"every picture of {source} has an answer in {answers.manifest}")
        else:
            before = len(answers)
            say(
                f"{len(session):,} of {len(gathered.candidates):,} pictures to look at; answers go to {answers.manifest}"
            )
            serve(session, port, announce)
            _sum_up(answers, before)
        failures = [{"path": one.source, "error": f"{one.code}: {one.message}"} for one in gathered.failures]
        emit_json({"manifest": answers.manifest.as_posix(), **answers.counts(), "failures": failures}, json)
    if failures:
        raise typer.Exit(Exit.SOME_FAILED)


def _open(address: str) -> None:
    """Open a browser, in a thread: one in this terminal would keep the page waiting."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _default(source: Path) -> Path:
    return source / "reviewed.csv" if source.is_dir() else source.with_name(f"{source.stem}-reviewed.csv")


def _name(source: Path) -> str:
    return source.resolve().name if source.is_dir() else ""


def _tell(failures: tuple[Failure, ...]) -> None:
    from hornet.inference.sinks import printable

    for failure in failures[:_SHOWN_FAILURES]:
        say(f"not shown: {printable(failure.source)}: {printable(failure.message)}")
    if len(failures) > _SHOWN_FAILURES:
        say(f"and {len(failures) - _SHOWN_FAILURES:,} more that aren't shown")


def _sum_up(answers: Answers, before: int) -> None:
    counts = answers.counts()
    say(
        f"{answers.manifest}: {len(answers):,} answers ({len(answers) - before:+,} now): "
        f"{counts['present']:,} present, {counts['absent']:,} absent"
    )
    if all(counts.values()):
        say(f"next: hornet retrain {answers.manifest}")
    elif len(answers):
        missing = next(label for label, count in counts.items() if not count)
        say(f"to train with it, it needs pictures that are {missing}, too")
