"""Videos as pictures: a frame now and then, each with its time code.

A clip becomes sources as ``clip.mp4#t=12.000``: a media fragment (W3C, *Media Fragments URI 1.0*), which
browsers open at that second. Times count from the clip's first frame. Which frames there are is read from
the container without decoding; a frame is decoded when a worker asks for it, and handed on as the bytes of
a picture, so that it takes the one way for pixels. Needs PyAV, the ``video`` extra.
"""

from __future__ import annotations

import functools
import importlib.util
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hornet.errors import ImageError, ImageUnsupported
from hornet.inference.frames import frame_name, is_video
from hornet.inference.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Seconds between the frames that are looked at.
EVERY_S: Final = Fraction(1)


@functools.cache
def available() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def with_frames(sources: Iterable[Source], every: Fraction = EVERY_S) -> Iterator[Source]:
    """Put a clip's frames in place of the clip.

    Args:
        sources: What a scan finds.
        every: Time between frames, s. Of each stretch this long, counted from the clip's first frame, the first
            frame is taken.

    Yields:
        The sources; for a clip its frames, then, if it can't be read to its end, itself with the error.
    """
    for source in sources:
        if source.remote or source.error is not None or not is_video(source.name):
            yield source
        elif not available():
            yield _failed(
                source,
                ImageUnsupported(
                    "videos need one more package. Run: pip install 'hornet-detector[video]' "
                    "(in a checkout: pip install -e '.[video]')"
                ),
            )
        else:
            yield from _frames(source, every)


def without_frames(sources: Iterable[Source], why: str) -> Iterator[Source]:
    """Put an error in place of a clip, where frames have no place.

    Args:
        sources: What a scan finds.
        why: And what to do.
    """
    for source in sources:
        clip = not source.remote and source.error is None and is_video(source.name)
        yield _failed(source, ImageUnsupported(why)) if clip else source


def _frames(source: Source, every: Fraction) -> Iterator[Source]:
    from hornet.inference.clips import Clip

    clip = Clip(source.name)
    try:
        for frame in clip.frames(every):
            yield Source(
                frame_name(source.name, frame.seconds),
                frame_name(source.relative, frame.seconds),
                file=source.name,
                load=functools.partial(clip.load, frame),
            )
    except ImageError as error:
        yield _failed(source, error)


def _failed(source: Source, error: ImageError) -> Source:
    return Source(source.name, source.relative, error=error)
