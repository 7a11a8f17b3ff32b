# ruff: noqa: ARG001 - flags are read together and by name, from the context
"""``hornet train``: labelled pictures in, a run folder with an artifact out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hornet.cli.common import Exit, parse_mask, parse_size, say
from hornet.cli.progress import Progress

if TYPE_CHECKING:
    from hornet.training.config import TrainConfig

_AUTO = "auto"


def train(  # noqa: PLR0917 - one parameter a flag
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(help="Folder of class folders, or manifest CSV (path,label[,group]).")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="RUN", help="New folder for the run.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings as TOML; flags win over it.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a stopped run, with its own settings.")
    ] = None,
    export: Annotated[bool, typer.Option(help="Export the artifact at the end.")] = True,
    overfit_batch: Annotated[
        bool | None,
        typer.Option("--overfit-batch", help="Don't train: learn one batch by heart, or say what is broken."),
    ] = None,
    lr_find: Annotated[
        bool | None,
        typer.Option("--lr-find", help="Don't train: look for the learning rate; curve and plot into --out."),
    ] = None,
    fast_dev: Annotated[
        bool | None, typer.Option("--fast-dev", help="Go through every step once on a few pictures.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="imagenet|none|FILE",
            help="Start from torchvision's ImageNet weights, nothing, or a file.",
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Input of the network, px. [224x224]")
    ] = None,
    resize: Annotated[
        Literal["stretch", "pad"] | None, typer.Option(help="Ignore or keep the aspect ratio.")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            metavar="X0,Y0,X1,Y1|auto",
            help="Fill this part (fractions) of every picture; auto: wherever text is burnt in; repeatable.",
        ),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(metavar="mean|max|lse:R|top:K", help="How the places' logits become the picture's."),
    ] = None,
    head_epochs: Annotated[int | None, typer.Option(help="Most epochs of phase one (head).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs of phase two (all layers).")] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without improvement that end a phase.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    optimizer: Annotated[
        Literal["sgd", "momentum", "adam", "adamw"] | None, typer.Option(help="Of phase two.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of phase two.")] = None,
    head_lr: Annotated[float | None, typer.Option(help="Learning rate of phase one.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decay of the weights.")] = None,
    head_schedule: Annotated[
        Literal["constant", "step", "cosine", "cyclic", "plateau"] | None,
        typer.Option(help="Of phase one's rate."),
    ] = None,
    schedule: Annotated[
        Literal["constant", "step", "cosine", "cyclic", "plateau"] | None,
        typer.Option(help="Of phase two's rate."),
    ] = None,
    plateau_epochs: Annotated[
        int | None, typer.Option(help="Epochs without improvement until 'plateau' lowers the rate. [2]")
    ] = None,
    freeze: Annotated[
        Literal["none", "stem", "layer1", "layer2", "layer3", "layer4"] | None,
        typer.Option(help="Phase two leaves the stages up to this one alone."),
    ] = None,
    freeze_bn: Annotated[
        bool | None, typer.Option("--freeze-bn", help="Batch normalisation keeps its statistics.")
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(metavar="DECAY", help="Keep a moving average of the weights, such as 0.999."),
    ] = None,
    layer_decay: Annotated[
        float | None, typer.Option(help="Factor of the rate from stage to stage downward.")
    ] = None,
    init: Annotated[
        Literal["kaiming", "xavier"] | None, typer.Option(help="How new layers are drawn.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Before the linear layer.")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share of a label given to both classes.")
    ] = None,
    class_weights: Annotated[Literal["none", "balanced"] | None, typer.Option(help="In the loss.")] = None,
    balance: Annotated[
        Literal["none", "class", "source-class"] | None, typer.Option(help="Draw these equally often.")
    ] = None,
    augment: Annotated[
        Literal["none", "flip", "flip-crop", "standard", "strong"] | None,
        typer.Option(help="How much pictures are changed at random."),
    ] = None,
    mixup: Annotated[
        float | None, typer.Option(metavar="P", help="Probability that a picture is blended with another.")
    ] = None,
    cutmix: Annotated[
        float | None, typer.Option(metavar="P", help="Probability that a part of it is another's.")
    ] = None,
    mosaic: Annotated[
        float | None,
        typer.Option(
            metavar="P", help="Probability that it is one of several in a frame: present if any is."
        ),
    ] = None,
    adversarial: Annotated[
        int | None,
        typer.Option(metavar="LEVELS", help="Train against changes of up to so many levels of 255."),
    ] = None,
    adversarial_attack: Annotated[
        Literal["fgsm", "pgd"] | None, typer.Option(help="One step from a random start, or several.")
    ] = None,
    validation: Annotated[float | None, typer.Option(help="Share of the groups for validation.")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the groups for testing.")] = None,
    group_by: Annotated[
        Literal["auto", "day", "burst", "folder", "none"] | None,
        typer.Option(help="What keeps pictures together where the manifest gives no group. [auto]"),
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Frozen split: CSV with path and split.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything that is random.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the CPU. Default: all cores.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare pictures.")] = None,
    deterministic: Annotated[
        bool | None, typer.Option("--deterministic", help="The same bits each time on a card too; slower.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, typer.Option(help="Where to compute.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"] | None,
        typer.Option(help="bfloat16 is faster where the hardware has it."),
    ] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(help="Most minutes of work that a kill can cost. [10]")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(metavar="DIR|none", help="Where decoded pictures are kept; else HORNET_CACHE."),
    ] = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Write RUN/tensorboard for TensorBoard.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option(metavar="COUNTRY", help="Count energy and CO2 with its electricity, as FRA.")
    ] = None,
    skip_unreadable: Annotated[
        bool | None, typer.Option("--skip-unreadable", help="Leave bad pictures out instead of stopping.")
    ] = None,
) -> None:
    """Train on labelled pictures, keep the best weights, calibrate and export them.

    Writes RUN/: config.toml, manifest.csv, metrics.csv, weights.safetensors, calibration.json, and the
    exported artifact in two precisions.
    """
    if resume is not None:
        named = [
            name
            for name, value in context.params.items()
            if value not in (None, [], ()) and name not in {"resume", "export"}
        ]
        if named:
            raise typer.BadParameter(
                f"takes the run's own settings, so leave out: {', '.join(named)}", param_hint="--resume"
            )
        _run(None, resume, export=export)
        return
    bench = [name for name in ("overfit_batch", "lr_find", "fast_dev") if context.params[name]]
    if len(bench) > 1:
        raise typer.BadParameter(
            "one at a time", param_hint=" / ".join(f"--{n.replace('_', '-')}" for n in bench)
        )
    if out is None and bench not in (["overfit_batch"], ["fast_dev"]):
        raise typer.BadParameter("give the run's folder", param_hint="--out")
    settings = _settings(context, config)
    if bench:
        _before(settings, bench[0], out, export=export)
    elif out is not None:
        _run(settings, out, export=export)


def _settings(context: typer.Context, file: Path | None) -> TrainConfig:
    """Put the settings together from the flags that were given and the file."""
    from hornet.training.config import TrainConfig, build_config

    # A flag that wasn't given is None, and leaves the file's value or the default.
    given: dict[str, Any] = {
        name: value
        for name, value in context.params.items()
        if name in TrainConfig.model_fields and value is not None
    }
    if (size := context.params["size"]) is not None:
        given["size"] = parse_size(size)
    if mask := context.params["mask"]:
        given["masks"] = tuple(parse_mask(text) for text in mask if text != _AUTO)
        given["mask_text"] = _AUTO in mask
    settings = build_config(given, file)
    # Absolute, so that the saved configuration is good from any folder.
    paths = {name: getattr(settings, name) for name in ("data", "split_file")}
    update: dict[str, Any] = {name: path.absolute() for name, path in paths.items() if path is not None}
    if settings.weights not in {"imagenet", "none"}:
        update["weights"] = str(Path(settings.weights).absolute())
    if settings.cache not in {None, "none"}:
        update["cache"] = str(Path(settings.cache).absolute())
    return settings.model_copy(update=update)


def _before(settings: TrainConfig, what: str, out: Path | None, *, export: bool) -> None:
    """Do what a careful trainer does before a long run."""
    from hornet.cli.bench import find_rate, overfit, run_fast

    progress = Progress()
    if what == "overfit_batch":
        overfit(settings, progress)
    elif what == "lr_find" and out is not None:
        find_rate(settings, out, progress)
    else:
        run_fast(settings, out, progress, export=export)


def _run(settings: TrainConfig | None, out: Path, *, export: bool) -> None:
    """Train, or go on with the run in ``out`` without settings; then export."""
    from hornet.dataset import load_dataset
    from hornet.training.run import resume_run, train_run

    progress = Progress(quiet=os.environ.get("RANK", "0") != "0")
    if settings is None:
        result = resume_run(out, report=progress.report, live=progress.live)
    else:
        dataset = load_dataset(settings.data)
        for note in dataset.notes:
            progress.report(note)
        result = train_run(settings, dataset, out, report=progress.report, live=progress.live)
    progress.clear()
    if not result.writes:  # rank 0 tells and exports
        return
    for split in ("validation", "test"):
        if (quality := result.calibration[split]) is not None:
            say(f"{split}: {_quality(quality)}")
    say(f"weights: {out / 'weights.safetensors'}")
    if result.interrupted:
        say(f"stopped early; hornet export {out} makes the artifact of the best weights so far")
        raise typer.Exit(Exit.FAILED)
    if export:
        from hornet.training.export import export_run

        try:
            export_run(out, reporter=say)
        except BaseException:
            say(f"the run is kept in {out}; hornet export {out} tries again")
            raise


def _quality(quality: dict[str, Any]) -> str:
    metrics = quality["metrics"]
    parts = [
        f"{words} {metrics[name]['value']:.3f} [{metrics[name]['low']:.3f}, {metrics[name]['high']:.3f}]"
        for name, words in (("roc_auc", "AUC"), ("f1", "F1"), ("accuracy", "accuracy"))
        if metrics[name]["value"] is not None and metrics[name]["low"] is not None
    ]
    return f"{', '.join(parts)} ({quality['n']} pictures, {quality['interval']})"
