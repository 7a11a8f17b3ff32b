"""When and with which camera a picture was taken."""

import io

import pytest
from PIL import Image

from hornet.captures import Capture, capture_of, capture_of_frame


def jpeg(**tags) -> bytes:
    """Return a JPEG with EXIF."""
    exif = Image.Exif()
    names = {"make": 0x010F, "model": 0x0110}
    for name, value in tags.items():
        if name == "taken":
            exif.get_ifd(0x8769)[0x9003] = value
        else:
            exif[names[name]] = value
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        (
            "IMG_20190916_135806.jpg",
            jpeg(make="Canon", model="Canon EOS", taken="2024:08:01 10:11:12"),
            Capture("2024-08-01T10:11:12", "Canon EOS"),
        ),
        ("cam2/IMG_20190916_135806.jpg", jpeg(), Capture("2019-09-16T13:58:06", "cam2")),
        ("2019-09-16/1.jpg", None, Capture("2019-09-16")),
        ("2019-09-16/1.jpg", b"no picture", Capture("2019-09-16")),
        ("1.jpg", jpeg(), Capture()),
    ],
)
def test_exif_goes_before_the_name(name, data, expected):
    """EXIF says it, else the picture's name, else its folders; where none does, nothing is said."""
    assert expected == capture_of(name, data)


def test_frames_of_a_video():
    """A frame is as late as its video's name says, and as it is shown."""
    assert Capture("2024-08-01T14:00:30", "cam1") == capture_of_frame("cam1/VID_20240801_135930.mp4", 60.7)
    assert Capture("2024-08-01") == capture_of_frame("2024-08-01/clip.mp4", 60.7)
