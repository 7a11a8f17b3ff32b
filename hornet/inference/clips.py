"""Frames of one clip, read with PyAV: which there are, and their pixels."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from av.video.reformatter import Colorspace
from PIL import Image

from hornet.errors import ImageTooLarge, ImageUnreadable
from hornet.images import Limits
from hornet.inference.containers import BROKEN, Container, check_size, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av

# The container's display matrix: degrees counterclockwise.
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
# From this height on, px, a video that doesn't say so is meant in the colours of ITU-R BT.709, as players take it.
_HD: Final = 720
_UNTOLD: Final = 2  # AVCOL_SPC_UNSPECIFIED
# A gap this long, s, is jumped over instead of decoded.
_JUMP_S: Final = 10
# How much of the announced length may be missing, s and as a share: containers round.
_SLACK_S: Final = 2
_SLACK: Final = Fraction(1, 20)
# Pictures kept for workers that ask for their frame a little late.
_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that is looked at.

    Attributes:
        stamp: Presentation time, in the stream's units.
        seconds: Since the clip's first frame.
    """

    stamp: int
    seconds: Fraction


class Clip:
    """A video file. :meth:`load` may be called from any thread.

    Args:
        path: The file.
        limits: Largest frame that is decoded.
    """

    def __init__(self, path: str, limits: Limits | None = None) -> None:
        self._path = path
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        # A frame that is to be drawn is asked for again: by a second reader, so that none goes back and forth.
        self._readers: list[_Reader | None] = [None, None]
        self._asked: set[int] = set()
        self._expected: set[int] = set()  # announced, not asked for yet
        self._kept: dict[int, bytes] = {}  # decoded on the way to a later one
        self._complete = False

    def frames(self, every: Fraction) -> Iterator[Frame]:
        """Find the frames to look at, without decoding any.

        Args:
            every: Of each stretch this long, s, the first frame is taken.

        Raises:
            ImageError: If there is no video, or if it breaks off; after the frames that are there.
        """
        source = Container(self._path, self._limits)
        origin: int | None = None
        last, end = Fraction(-1), Fraction(0)
        try:
            for stamp in source.stamps():
                origin = stamp if origin is None else origin
                end = (stamp - origin) * source.time_base
                if end // every > last:
                    last = Fraction(end // every)
                    with self._lock:
                        self._expected.add(stamp)
                    yield Frame(stamp, end)
        except BROKEN as error:
            raise ImageUnreadable(f"breaks off after {float(end):.1f} s: {reason(error)}") from None
        finally:
            source.close()
            with self._lock:
                self._complete = True
                self._close_if_done()
        if origin is None:
            raise ImageUnreadable("there is no frame in this video")
        if source.announced - end > max(Fraction(_SLACK_S), _SLACK * source.announced):
            raise ImageUnreadable(f"breaks off after {float(end):.1f} of {float(source.announced):.1f} s")

    def load(self, frame: Frame) -> bytes:
        """Decode a frame.

        Returns:
            A BMP file: nothing is lost, and little time. Upright, RGB.

        Raises:
            ImageError: If it can't be decoded.
        """
        with self._lock:
            again = frame.stamp in self._asked
            self._asked.add(frame.stamp)
            self._expected.discard(frame.stamp)
            try:
                if not again and frame.stamp in self._kept:
                    return self._kept.pop(frame.stamp)
                return self._decode(frame.stamp, again=again)
            finally:
                self._close_if_done()

    def _decode(self, wanted: int, *, again: bool) -> bytes:
        for jumping in (True, False):
            reader = self._readers[again]
            if reader is None or not reader.is_before(wanted) or not jumping:
                self._shut(again=again)
                reader = self._readers[again] = _Reader(Container(self._path, self._limits), jumping=jumping)
            for stamp, picture in reader.until(wanted):
                if stamp == wanted:
                    return _encoded(picture, self._limits)
                # Workers may come out of step: what another one is about to ask for is kept.
                if not again and stamp in self._expected:
                    self._kept[stamp] = _encoded(picture, self._limits)
                    while len(self._kept) > _KEPT:
                        del self._kept[next(iter(self._kept))]
            if not reader.jumped:
                break
        raise ImageUnreadable("damaged: this frame can't be decoded")

    def _close_if_done(self) -> None:
        """Let go of the file when every frame has been asked for: on Windows it can't be moved before."""
        if self._complete and not self._expected:
            self._shut(again=False)

    def _shut(self, *, again: bool) -> None:
        reader, self._readers[again] = self._readers[again], None
        if reader is not None:
            reader.close()


class _Reader:
    """Decodes forward."""

    def __init__(self, source: Container, *, jumping: bool) -> None:
        self.jumped = False
        self._source = source
        self._jumping = jumping and source.searchable
        self._frames = source.decode()
        self._at: int | None = None
        self._ahead: tuple[int, av.VideoFrame] | None = None

    def is_before(self, stamp: int) -> bool:
        """Whether a frame hasn't been passed yet."""
        return self._at is None or self._at < stamp

    def until(self, wanted: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield frames with their times, up to the wanted one."""
        self._jump(wanted)
        while True:
            found, self._ahead = self._ahead or next(self._frames, None), None
            if found is None:
                return
            if found[0] > wanted:
                self._ahead = found
                return
            self._at = found[0]
            yield found

    def _jump(self, wanted: int) -> None:
        """Jump over a long gap; where a container can't be searched, it is decoded."""
        near = self._at if self._ahead is None else self._ahead[0]
        if not self._jumping or near is None or (wanted - near) * self._source.time_base <= _JUMP_S:
            return
        with suppress(*BROKEN):
            self._source.seek(wanted)
            self._ahead, self.jumped = None, True
            self._frames = self._source.decode()

    def close(self) -> None:
        """Let go of the file."""
        self._frames = iter(())
        self._ahead = None
        self._source.close()

    def __del__(self) -> None:
        self.close()


def _encoded(frame: av.VideoFrame, limits: Limits) -> bytes:
    """Return a frame as an upright RGB picture's bytes."""
    check_size(frame.width, frame.height, limits)
    if frame.is_corrupt:
        raise ImageUnreadable("damaged: this frame can't be decoded")
    try:
        untold = frame.colorspace == _UNTOLD
        rgb = frame.reformat(
            format="rgb24", src_colorspace=Colorspace.ITU709 if untold and frame.height >= _HD else None
        )
        picture = Image.fromarray(rgb.to_ndarray())
        turn = _TURNS.get(round(frame.rotation) % 360)
        file = io.BytesIO()
        (picture if turn is None else picture.transpose(turn)).save(file, "BMP")
    except MemoryError:
        raise ImageTooLarge(f"{frame.width} x {frame.height} pixels don't fit into memory") from None
    except BROKEN as error:
        raise ImageUnreadable(f"damaged: {reason(error)}") from None
    return file.getvalue()
