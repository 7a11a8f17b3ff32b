"""Where a network starts from: downloaded, from a file, or drawn; and what was taken of it."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import urllib.error
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from hornet.errors import ConfigError, HornetError
from hornet.training.network import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

# The stem's modules; the other stages are one module of their name.
_STEM: Final = ("conv1", "bn1")

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt|safetensors)$")
_NOT_AS_ASKED = (
    "Download it where there is a network and pass it with --weights FILE, "
    "or start from nothing with --weights none"
)


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """What a network started from.

    Attributes:
        origin: ``imagenet``, ``none``, or the file's name.
        taken: Names of the tensors that were loaded.
        initialised: Names of the tensors that were drawn.
        left: Names of the tensors that the file has and that were not used (another head).
    """

    origin: str
    taken: frozenset[str]
    initialised: frozenset[str]
    left: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, str | list[str]]:
        """Return it as a checkpoint holds it."""
        names = {name: sorted(getattr(self, name)) for name in ("taken", "initialised", "left")}
        return {"origin": self.origin, **names}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> StartingPoint:
        """Return what :meth:`to_dict` stored."""
        names = (frozenset(stored[name]) for name in ("taken", "initialised", "left"))
        return cls(stored["origin"], *names)

    def frozen_stages(self) -> tuple[str, ...]:
        """Return the lowest stages without a single tensor that was drawn, from below."""
        stages: list[str] = []
        for stage in STAGES:
            modules = _STEM if stage == "stem" else (stage,)
            if any(name.split(".", 1)[0] in modules for name in self.initialised):
                break
            stages.append(stage)
        return tuple(stages)

    def describe(self) -> list[str]:
        """Return what to tell the user, a line each."""
        everything = self.taken | self.initialised
        lines = [f"weights: {self.origin}: took {len(self.taken)} tensors{_of(self.taken, everything)}"]
        lines.append(
            f"weights: initialised {len(self.initialised)} tensors{_of(self.initialised, everything)}"
        )
        if self.left:
            lines.append(
                f"weights: left in the file: {', '.join(sorted(self.left))} (a head for other classes)"
            )
        return lines


def start(network: nn.Module, weights: str, *, init: str) -> StartingPoint:
    """Fill ``network`` with starting weights; draws with torch's random state what isn't loaded.

    Args:
        network: Named like torchvision's ResNet-18, with a head of two classes.
        weights: ``imagenet``, ``none`` or a file.
        init: ``kaiming`` or ``xavier``.

    Raises:
        HornetError: If the download fails.
        ConfigError: If the file is missing, damaged, or of another network.
    """
    initialise(network, init)
    if weights == "none":
        return StartingPoint("none", frozenset(), frozenset(network.state_dict()))
    if weights == "imagenet":
        return take(network, read_state(fetch_imagenet()), origin="imagenet")
    file = Path(weights)
    return take(network, read_state(file), origin=file.name)


def initialise(network: nn.Module, how: str) -> None:
    """Draw all weights anew: He et al. 2015 (``kaiming``) or Glorot and Bengio 2010 (``xavier``)."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            if how == "xavier":
                nn.init.xavier_normal_(module.weight)
            elif isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                # Nothing rectifies the logits, hence a gain of 1.
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def fetch_imagenet(url: str | None = None) -> Path:
    """Download torchvision's IMAGENET1K_V1 weights once, and check them every time.

    Args:
        url: Where from; else the environment's ``HORNET_WEIGHTS_URL`` (a mirror), else torchvision's
            address. The file's name must carry the beginning of its SHA-256, as torchvision's do.

    Returns:
        The file in torch's cache (``TORCH_HOME``), which torchvision shares.

    Raises:
        HornetError: If there is no network, or what comes isn't what was asked for.
        ConfigError: If the address makes no sense.
    """
    url, file, digest = _cache_place(url)
    if file.is_file() and _sha256(file).startswith(digest):
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Writes to a temporary file and renames it when the hash is right.
        torch.hub.download_url_to_file(url, str(file), hash_prefix=digest, progress=False)
    except RuntimeError as error:
        raise HornetError(
            f"{url}: the download is not the file that its name says ({error}). {_NOT_AS_ASKED}"
        ) from None
    except (OSError, urllib.error.URLError) as error:
        raise HornetError(
            f"{url}: the ImageNet weights could not be downloaded ({error}). {_NOT_AS_ASKED}"
        ) from None
    return file


def cached_imagenet() -> Path | None:
    """Return the file that :func:`fetch_imagenet` would return without a network, or None.

    Raises:
        ConfigError: If ``HORNET_WEIGHTS_URL`` makes no sense.
    """
    _, file, digest = _cache_place(None)
    return file if file.is_file() and _sha256(file).startswith(digest) else None


def _cache_place(url: str | None) -> tuple[str, Path, str]:
    """Return where the weights come from, where they are kept, and how their SHA-256 begins."""
    if url is None:
        from torchvision.models import ResNet18_Weights

        url = os.environ.get("HORNET_WEIGHTS_URL") or ResNet18_Weights.IMAGENET1K_V1.url
    name = url.rsplit("/", 1)[-1]
    match = _HASH_IN_NAME.search(name)
    if not url.startswith(("https://", "http://")) or match is None:
        raise ConfigError(
            f"{url}: not an http(s) address of a file whose name ends in its hash, such as "
            "resnet18-f37072fd.pth; mend HORNET_WEIGHTS_URL"
        )
    return url, Path(torch.hub.get_dir()) / "checkpoints" / name, match[1]


def read_state(file: Path) -> dict[str, Tensor]:
    """Read a state dict without running code from it.

    Raises:
        ConfigError: If there is no such file, it is damaged, or it holds anything but named tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise ConfigError(
            f"{file}: no such file; --weights takes imagenet, none, or a .pth, .pt or .safetensors file"
        )
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        if file.suffix not in {".pth", ".pt"}:
            raise ConfigError(f"{file}: not a .pth, .pt or .safetensors file")
        state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ConfigError(
            f"{file}: damaged, or holds more than tensors, which is never run here; save its state_dict() alone"
        ) from None
    except (
        SafetensorError,
        RuntimeError,
        EOFError,
        OSError,
        KeyError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise ConfigError(
            f"{file}: damaged or not a weights file ({' '.join(str(error).split())[:200]})"
        ) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ConfigError(f"{file}: not a dictionary of tensors; save the network's state_dict() alone")
    return dict(state)


def take(network: nn.Module, state: Mapping[str, Tensor], *, origin: str) -> StartingPoint:
    """Load what fits; a head for another number of classes is left.

    Args:
        network: Its other tensors stay as they are.
        state: Full or partial; any floating type, cast to the network's.
        origin: What to call it in messages.

    Raises:
        ConfigError: If a tensor is unknown, of another shape or not finite, or if nothing fits.
    """
    own = network.state_dict()
    unknown = sorted(set(state) - set(own))
    if unknown:
        raise ConfigError(
            f"{origin}: {len(unknown)} tensors are not a ResNet-18's ({_some(unknown)}); "
            "weights of another network can't be used"
        )
    head = {name for name in state if name.startswith("fc.")}
    if all(state[name].shape == own[name].shape for name in head) and len(head) in {0, 2}:
        head = set()
    taken = {name: tensor for name, tensor in state.items() if name not in head}
    for name, tensor in taken.items():
        if tensor.shape != own[name].shape:
            raise ConfigError(
                f"{origin}: {name} has the shape {tuple(tensor.shape)}, a ResNet-18's has {tuple(own[name].shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise ConfigError(f"{origin}: {name} holds values that are not finite; the file is damaged")
    if not taken:
        raise ConfigError(f"{origin}: holds nothing that a ResNet-18 could start from")
    network.load_state_dict({**own, **{name: tensor.to(own[name].dtype) for name, tensor in taken.items()}})
    # A counter that nothing reads here; files made before torch 0.4.1 lack it.
    counters = {
        name
        for name in own
        if name.endswith(".num_batches_tracked")
        and name.replace("num_batches_tracked", "running_mean") in taken
    }
    loaded = frozenset(taken) | counters
    return StartingPoint(origin, loaded, frozenset(own) - loaded, frozenset(head))


def _of(names: Iterable[str], everything: Iterable[str]) -> str:
    """Summarise tensors as the fewest module names that stand for exactly them."""
    names = set(names)
    if not names:
        return ""
    parts = sorted(_cover("", names, set(everything)))
    return f" ({', '.join(parts)})"


def _cover(prefix: str, names: set[str], everything: set[str]) -> list[str]:
    inside: dict[str, set[str]] = defaultdict(set)
    for name in everything:
        if name.startswith(prefix):
            inside[name[len(prefix) :].split(".", 1)[0]].add(name)
    cover: list[str] = []
    for part, members in inside.items():
        if members <= names:
            cover.append(prefix + part)
        elif members & names:
            cover.extend(_cover(f"{prefix}{part}.", names, members))
    return cover


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")  # noqa: PLR2004 - enough to recognise it


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
