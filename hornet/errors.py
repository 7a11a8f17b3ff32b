"""Everything that can go wrong on purpose, as one tree.

::

    HornetError
      ImageError
        ImageMissing         the file or address isn't there
        ImageUnreadable      damaged, truncated, or no picture at all
        ImageTooLarge        more bytes or pixels than allowed
        ImageUnsupported     a picture of a kind that can't be read here
      ArtifactError
        ArtifactMissing      no model where one was looked for
        ArtifactCorrupt      not an ONNX file of ours, or damaged
        ArtifactIncompatible written by a newer version, or contradicting itself
      DatasetError
        ManifestInvalid      unknown label, missing column, file not found, ...
        SplitLeakage         one group in two splits
        EmptyClass           nothing to learn from or to measure on
      ExportMismatch         the exported file doesn't answer like the network
      ConfigError            a setting that makes no sense
      MissingExtra           a command whose packages aren't installed

The core raises these; the command line turns them into a sentence on stderr and an exit code.
Messages say what, where, and what to do next. ``code`` is stable: rows and answers carry it.
"""

from __future__ import annotations


class HornetError(Exception):
    """Base of all errors raised on purpose."""

    code = "error"


class ImageError(HornetError):
    """One picture can't be used; the others can."""

    code = "image"


class ImageMissing(ImageError):
    """The file or address isn't there."""

    code = "missing"


class ImageUnreadable(ImageError):
    """The bytes are damaged, truncated, or no picture."""

    code = "unreadable"


class ImageTooLarge(ImageError):
    """The picture has more bytes or pixels than allowed."""

    code = "too_large"


class ImageUnsupported(ImageError):
    """The picture is of a kind that can't be read here."""

    code = "unsupported"


class ArtifactError(HornetError):
    """A model file can't be used."""

    code = "artifact"


class ArtifactMissing(ArtifactError):
    """There is no model where one was looked for."""

    code = "model_missing"


class ArtifactCorrupt(ArtifactError):
    """The file isn't an ONNX model of ours, or is damaged."""

    code = "model_corrupt"


class ArtifactIncompatible(ArtifactError):
    """The file was written by a newer version, or contradicts itself."""

    code = "model_incompatible"


class DatasetError(HornetError):
    """Labelled pictures that can't be used as they are."""

    code = "dataset"


class ManifestInvalid(DatasetError):
    """A manifest or folder that doesn't say which picture has which label."""

    code = "manifest"


class SplitLeakage(DatasetError):
    """A group of pictures lies in two splits."""

    code = "leakage"


class EmptyClass(DatasetError):
    """A class or split without pictures."""

    code = "empty_class"


class ExportMismatch(HornetError):
    """The exported file doesn't answer like the network it was made from."""

    code = "export_mismatch"


class ConfigError(HornetError):
    """A setting that makes no sense, or contradicts another."""

    code = "config"


class MissingExtra(HornetError):
    """A command needs packages that aren't installed.

    Args:
        extra: Name of the extra that brings them, such as ``train``.
        what: What needs them, such as ``hornet train``.
    """

    code = "missing_extra"

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(
            f"{what} needs packages that aren't installed. Run: pip install 'hornet-detector[{extra}]' "
            f"(in a checkout: pip install -e '.[{extra}]')"
        )
        self.extra = extra


def reason_of(error: object) -> str:
    """Return in one line what went wrong, of an exception or of what urllib gives as a reason: never empty, no traceback."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
