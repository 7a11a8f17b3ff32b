"""Videos as sources: which frames, their names and pixels, what broken clips give."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hornet.errors import ImageError, ImageUnreadable, ImageUnsupported
from hornet.images import Limits
from hornet.inference.clips import Clip
from hornet.inference.frames import frame_name, split_name
from hornet.inference.sources import Scan, Source
from hornet.inference.videos import with_frames, without_frames

RATE = 10
#: Name, codec and pixel format of every kind of clip that is made here.
KINDS = [
    ("h264.mp4", "libx264", "yuv420p"),
    ("h264.mkv", "libx264", "yuv420p"),
    ("h264.avi", "libx264", "yuv420p"),
    ("h264.mts", "libx264", "yuv420p"),
    ("h264.mov", "libx264", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("mjpeg.avi", "mjpeg", "yuvj420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("mpeg2.mpg", "mpeg2video", "yuv420p"),
]


def grey(number):
    """Return the grey of a frame: neighbours differ by more than compression changes them."""
    return 16 + 37 * number % 200


def names(sources):
    return [source.name for source in sources]


def level(data):
    """Return the mean of a picture's bytes."""
    return float(np.asarray(Image.open(io.BytesIO(data)).convert("L")).mean())


@pytest.mark.parametrize(("name", "codec", "pixels"), KINDS)
def test_frames_of_every_kind(make_clip, tmp_path, name, codec, pixels):
    """Of each second the first frame is taken, with its time, whatever container and codec hold it."""
    rate = 25 if codec == "mpeg2video" else RATE
    clip = Clip(make_clip(tmp_path / name, 3 * rate, rate=rate, codec=codec, pixels=pixels))

    frames = list(clip.frames(Fraction(1)))

    assert [0, 1, 2] == [round(frame.seconds) for frame in frames]
    assert all(abs(level(clip.load(frame)) - grey(round(frame.seconds * rate))) < 9 for frame in frames), name


@pytest.mark.parametrize(("every", "expected"), [("1/2", [0, 5, 10, 15]), ("3/4", [0, 8, 15]), ("9", [0])])
def test_how_often(make_clip, tmp_path, every, expected):
    """Of each stretch the first frame is taken, also where no frame lies on its beginning."""
    clip = Clip(make_clip(tmp_path / "a.mp4", 2 * RATE))

    assert expected == [frame.seconds * RATE for frame in clip.frames(Fraction(every))]


def test_frames_in_any_order(make_clip, tmp_path):
    """A frame is the same in whatever order, from whatever thread, and however often it is asked for."""
    clip = Clip(make_clip(tmp_path / "a.mp4", 6 * RATE))
    frames = list(clip.frames(Fraction(1, 5)))
    straight = [clip.load(frame) for frame in frames]
    order = np.random.default_rng(0).permutation(len(frames)).tolist()

    again = {at: clip.load(frames[at]) for at in order}
    anew = Clip(str(tmp_path / "a.mp4"))
    announced = list(anew.frames(Fraction(1, 5)))
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(anew.load, announced))

    assert straight == [again[at] for at in range(len(frames))]
    assert straight == threaded


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_long_gaps_are_jumped_over(make_clip, tmp_path, name):
    """Frames that lie far apart are the same as those decoded from the beginning."""
    path = make_clip(tmp_path / name, 60 * RATE, options={"g": "50"})
    jumping, walking = Clip(path), Clip(path)
    far = list(jumping.frames(Fraction(20)))
    near = {frame.stamp: walking.load(frame) for frame in walking.frames(Fraction(1))}

    assert [0, 20, 40] == [frame.seconds for frame in far]
    assert [near[frame.stamp] for frame in far] == [jumping.load(frame) for frame in far]


@pytest.mark.parametrize(
    ("turn", "corner"), [(0, (0, 0)), (90, (0, 1)), (180, (1, 1)), (-90, (1, 0)), (270, (1, 0))]
)
def test_upright(tmp_path, turn, corner):
    """A frame is turned as the container says: degrees counterclockwise take the bright corner along."""
    path = str(tmp_path / "a.mp4")
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        if turn:
            stream.set_display_rotation(turn)
        pixels = np.zeros((32, 64, 3), np.uint8)
        pixels[:16, :32] = 255  # top left
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    clip = Clip(path)

    picture = Image.open(io.BytesIO(clip.load(next(iter(clip.frames(Fraction(1)))))))

    assert ((64, 32) if turn % 180 == 0 else (32, 64)) == picture.size
    quarters = np.asarray(picture.convert("L").resize((2, 2), Image.Resampling.BOX))
    assert corner == tuple(reversed(np.unravel_index(quarters.argmax(), (2, 2))))


@pytest.mark.parametrize(
    ("size", "space", "expected"),
    [
        # ITU-R BT.601 and BT.709 of Y 100, Cb 90, Cr 180.
        ((64, 48), None, (181, 70, 21)),
        ((1280, 720), None, (191, 78, 18)),
        ((64, 48), 1, (191, 78, 18)),
        ((1280, 720), 5, (181, 70, 21)),
    ],
)
def test_colours(tmp_path, size, space, expected):
    """Colours are those that the clip says; where it doesn't, those of its size, as players show it."""
    path = str(tmp_path / "a.mkv")
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(size[0], size[1], "yuv420p")
        for plane, value in zip(frame.planes, (100, 90, 180), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        if space is not None:
            frame.colorspace = stream.codec_context.colorspace = space
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    clip = Clip(path)

    picture = Image.open(io.BytesIO(clip.load(next(iter(clip.frames(Fraction(1)))))))

    assert np.abs(np.asarray(picture)[9, 9].astype(int) - expected).max() <= 3


def broken(folder, make_clip):
    whole = Path(make_clip(folder / "whole.mp4", RATE)).read_bytes()
    matroska = Path(make_clip(folder / "whole.mkv", 60 * RATE)).read_bytes()
    yield "empty", b"", "the file is empty"
    yield "noise", os.urandom(5000), "no video that can be read here"
    yield "cut", whole[: len(whole) // 2], "no video that can be read here"
    yield "list", b"ffconcat version 1.0\nfile whole.mp4\n", "no video that can be read here"
    yield "playlist", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "no video that can be read here"
    yield "short", matroska[: len(matroska) // 2], "breaks off after"


def test_broken_clips(make_clip, tmp_path):
    """A broken clip, and a list of files that calls itself one, is a source with the reason; its good frames stay."""
    for name, data, reason in broken(tmp_path, make_clip):
        path = tmp_path / f"{name}.mkv"
        path.write_bytes(data)

        *frames, last = with_frames([Source(str(path), path.name)])

        assert str(path) == last.name
        assert reason in str(last.error)
        assert (name == "short") == bool(frames)
        assert all(frame.load is not None and frame.load() for frame in frames)


def test_damage_in_the_middle(make_clip, tmp_path):
    """Frames that can't be decoded say so; the ones before and after have their pixels."""
    path = tmp_path / "a.avi"
    make_clip(path, 5 * RATE, codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[starts[20] : starts[21] - 16] = bytes(starts[21] - 16 - starts[20])
    path.write_bytes(data)
    clip = Clip(str(path))

    answers = {}
    for frame in clip.frames(Fraction(1)):
        try:
            answers[int(frame.seconds)] = round(level(clip.load(frame)))
        except ImageUnreadable as error:
            answers[int(frame.seconds)] = str(error)

    assert "damaged: this frame can't be decoded" == answers.pop(2)
    assert [0, 1, 3, 4] == [second for second, value in answers.items() if abs(value - grey(10 * second)) < 9]


def test_limits(make_clip, tmp_path):
    """A clip whose frames have more pixels than allowed is refused before one is decoded."""
    clip = Clip(make_clip(tmp_path / "a.mp4", 1), Limits(max_pixels=100))

    with pytest.raises(ImageError, match="64 x 48 pixels, at most 100"):
        next(clip.frames(Fraction(1)))


def test_other_codecs(tmp_path):
    """A codec that cameras don't write is refused by name."""
    path = str(tmp_path / "a.mkv")
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())

    with pytest.raises(ImageUnsupported, match="videos in ffv1 aren't read here"):
        next(Clip(path).frames(Fraction(1)))


def test_unknown_codec(make_clip, tmp_path):
    """A codec that nobody knows is refused, too."""
    path = tmp_path / "a.mp4"
    make_clip(path, 3)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))

    with pytest.raises(ImageUnsupported, match="this video's codec is unknown"):
        next(Clip(str(path)).frames(Fraction(1)))


def test_no_video_inside(tmp_path):
    """A file with sound alone is no video."""
    path = str(tmp_path / "a.mp4")
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        sound.rate = 48000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())

    with pytest.raises(ImageUnsupported, match="there is no video in this file"):
        next(Clip(path).frames(Fraction(1)))


def test_lets_go_of_the_file(make_clip, tmp_path):
    """When every frame has been asked for, the file isn't open any more."""
    path = make_clip(tmp_path / "a.mp4", 2 * RATE)
    clip = Clip(path)
    for frame in clip.frames(Fraction(1)):
        clip.load(frame)

    here = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()]

    assert path not in here


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("b/clip.mp4#t=12.000", ("b/clip.mp4", 12.0)),
        ("CLIP.MOV#t=0.040", ("CLIP.MOV", 0.04)),
        ("a\n.mp4#t=1.500", ("a\n.mp4", 1.5)),
        ("clip.mp4", None),
        ("clip.mp4#t=12", None),
        ("photo.jpg#t=12.000", None),
        ("a.mp4#t=1.000#t=2.000", None),
    ],
)
def test_names(name, expected):
    """A frame's name gives back its video and time, and no other name is one."""
    assert expected == split_name(name)
    assert expected is None or name == frame_name(expected[0], Fraction(expected[1]))


def test_folders(make_clip, tmp_path):
    """A folder's videos are sources where they can be read, in the order of the names; else files of another kind."""
    make_clip(tmp_path / "b.MP4", RATE)
    for name in ("a.png", "c.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    scan, bare = Scan([str(tmp_path)], videos=True), Scan([str(tmp_path)])

    found = names(with_frames(scan))

    assert ["a.png", "b.MP4#t=0.000", "c.png"] == [Path(name).name for name in found]
    assert ["a.png", "c.png"] == [Path(name).name for name in names(with_frames(bare))]
    assert (0, 1) == (scan.skipped, bare.skipped)


def test_where_frames_have_no_place():
    """A named video is a source with the reason; what isn't one stays as it is."""
    sources = [Source("a.png", "a.png"), Source("b.mp4", "b.mp4"), Source("http://c/d.mp4", "d", remote=True)]

    kept, clip, remote = without_frames(sources, "use another format")

    assert (sources[0], sources[2]) == (kept, remote)
    assert isinstance(clip.error, ImageUnsupported)
    assert ("b.mp4", "use another format") == (clip.name, str(clip.error))


def test_without_the_extra(monkeypatch):
    """Where PyAV is missing, a named video says which install mends it."""
    monkeypatch.setattr("hornet.inference.videos.available", lambda: False)

    (clip,) = with_frames([Source("b.mp4", "b.mp4")])

    assert "pip install 'hornet-detector[video]'" in str(clip.error)
