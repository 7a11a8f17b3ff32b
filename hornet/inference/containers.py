"""Video files opened with PyAV: what is in them, and their frames one after another.

Only the containers and codecs below are ever opened: FFmpeg knows hundreds, some of which are lists of
further files and addresses.
"""

from __future__ import annotations

import heapq
import io
import os
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av

from hornet.decoders import DAMAGE
from hornet.errors import ImageError, ImageMissing, ImageTooLarge, ImageUnreadable, ImageUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hornet.images import Limits

# FFmpeg's names of demuxers: MP4, MOV, M4V and 3GP; MKV and WebM; AVI; MTS; MPG.
_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg"
#: Codecs that cameras, phones and recorders write, by FFmpeg's names of the formats.
_CODECS: Final = frozenset(
    (
        *("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "msmpeg4v3", "h263", "mpeg2video", "mpeg1video"),
        *("mjpeg", "prores", "dvvideo"),
    )
)
#: What PyAV lets through for damaged files.
BROKEN: Final = (av.FFmpegError, *DAMAGE)


class Container:
    """An open file and its video stream.

    Args:
        path: The file.
        limits: Largest frame that is decoded.

    Attributes:
        time_base: Unit of the stream's times, s.
        announced: Length that the file states, s; 0: none.
        searchable: Whether frames have times of their own. AVI has none: where frames aren't stored in the order
            in which they are shown, only counting them tells.

    Raises:
        ImageError: If there is none that can be read here.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        # Opened here: FFmpeg would take some names for addresses.
        self._file = _opened(path)
        try:
            self._container = _demuxer(self._file)
            self._stream = self._container.streams.best("video")
            if self._stream is None:
                raise ImageUnsupported("there is no video in this file")
            _check(self._stream, limits)
            self._stream.thread_type = "AUTO"
        except ImageError:
            self.close()
            raise
        except BROKEN as error:
            self.close()
            raise ImageUnreadable(
                f"no video that can be read here, or a broken one: {reason(error)}"
            ) from None
        self.time_base = Fraction(self._stream.time_base or 0)
        if not self.time_base:
            self.close()
            raise ImageUnreadable("damaged: the video's frames have no times")
        self.searchable = not (
            self._container.format.name == "avi" and self._stream.codec_context.has_b_frames
        )
        self.announced = (self._stream.duration or 0) * self.time_base
        if not self.announced and len(self._container.streams) == 1:
            self.announced = Fraction(self._container.duration or 0, av.time_base)

    def stamps(self) -> Iterator[int]:
        """Yield the presentation times of all frames in their order, in the stream's units."""
        waiting: list[int] = []
        for packet in self._container.demux(self._stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is None or packet.is_discard:
                continue
            heapq.heappush(waiting, stamp)
            # Nothing that is decoded later is shown before it is decoded.
            while packet.dts is not None and waiting and waiting[0] <= packet.dts:
                yield heapq.heappop(waiting)
        while waiting:
            yield heapq.heappop(waiting)

    def seek(self, stamp: int) -> None:
        """Go to the last place at or before a time from which can be decoded."""
        self._container.seek(stamp, stream=self._stream, backward=True)

    def decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield frames with their presentation times; what is damaged is left out, as players do."""
        first: int | None = None
        for place, (stamp, frame) in enumerate(self._decoded()):
            first = stamp if first is None else first
            yield (stamp if self.searchable else first + place), frame

    def _decoded(self) -> Iterator[tuple[int, av.VideoFrame]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except BROKEN:
                return
            if packet is None:
                return
            with suppress(*BROKEN):
                for frame in packet.decode():
                    stamp = frame.dts if frame.pts is None else frame.pts
                    if stamp is not None:
                        yield stamp, frame

    def close(self) -> None:
        """Let go of the file."""
        if hasattr(self, "_container"):
            self._container.close()
        self._file.close()


def _demuxer(file: _File) -> Any:
    """Open a container; Any: PyAV's types don't tell what is read from what is written."""
    return av.open(
        file,
        options={"format_whitelist": _CONTAINERS, "protocol_whitelist": ""},
        metadata_errors="replace",
    )


class _File(io.FileIO):
    """Read by FFmpeg in pieces of its own; a run that is broken off drops it in silence."""

    def __del__(self) -> None:
        self.close()


def _opened(path: str) -> _File:
    try:
        file = _File(path)
    except FileNotFoundError:
        raise ImageMissing("no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise ImageUnreadable(f"can't be read: {reason(error)}") from None
    if not os.fstat(file.fileno()).st_size:
        file.close()
        raise ImageUnreadable("the file is empty")
    return file


def _check(stream: Any, limits: Limits) -> None:
    context = stream.codec_context
    if context is None:
        raise ImageUnsupported("this video's codec is unknown; convert it to H.264")
    if context.codec.canonical_name not in _CODECS:
        raise ImageUnsupported(
            f"videos in {context.codec.canonical_name} aren't read here; convert it to H.264"
        )
    check_size(context.width, context.height, limits)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise ImageTooLarge if a frame of this size, px, is not to be decoded."""
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"{width} x {height} pixels, at most {limits.max_pixels:,} are decoded; make it smaller"
        )


def reason(error: BaseException) -> str:
    """Return what an error says, without the number and the name of a file."""
    return getattr(error, "strerror", None) or str(error)
