"""What file names tell."""

import pytest

from hornet.captures import stem_of
from hornet.dataset.names import cameras_of, observations, place_of, time_of, video_of


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("a/2019-09-16-135806_Right.jpg", "2019-09-16T13:58:06"),
        ("IMG_20190916_135806.jpg", "2019-09-16T13:58:06"),
        ("IMG_20190916_135806123.jpg", "2019-09-16T13:58:06"),
        ("IMG20190916135806.jpg", "2019-09-16T13:58:06"),
        ("20180204_145344.jpg", "2018-02-04T14:53:44"),
        ("trap 2019-09-16 13.58.06 (2).jpg", "2019-09-16T13:58:06"),
        ("20180204_145344_jpg.rf.0123456789abcdef.jpg", "2018-02-04T14:53:44"),
        ("IMG-20190916-WA0003.jpg", "2019-09-16"),
        ("hornet 2019-09-16 b.jpg", "2019-09-16"),
        ("presence/2019-09-16/0001.jpg", "2019-09-16"),
        ("20190231_145344.jpg", ""),
        ("18991231_145344.jpg", ""),
        ("20190916.jpg", ""),
        ("f20190916_135806.jpg", ""),
        ("Screenshot_20190916-135806.jpg", ""),
        ("hornet.jpg", ""),
    ],
)
def test_times(name, time):
    """Moments and days are read as cameras and phones write them; other digits are none."""
    assert time == time_of(name)


def test_cameras():
    """A word behind the time is a camera if it comes again and again; cam2 is one anywhere; phones' words never."""
    named = [f"2019-09-16-13580{i}_{'Left' if i % 2 else '8mm'}_1bff00c3.jpg" for i in range(6)]
    phone = [f"IMG_20190916_13580{i}_HDR.jpg" for i in range(5)]

    assert ["8mm", "Left"] * 3 == cameras_of(named)
    assert [""] * 5 == cameras_of(phone)
    assert ["", "cam2", "camera-b"] == cameras_of(
        ["2019-09-16-135806_Once.jpg", "cam2/a.jpg", "x_camera-b_7.jpg"]
    )


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("presence/clip_000123.jpg", "clip"),
        ("hive/Video7-frame12.png", "hive/video7-frame"),
        ("nest.mp4_00012.jpg", "nest.mp4"),
        ("train/absence/hive.mp4/0001.jpg", "hive.mp4"),
        ("VID_20190916_135806.jpg", ""),
        ("presence_0001.jpg", ""),
        ("0001.jpg", ""),
        ("IMG_1234.jpg", ""),
        ("eclipse_12.jpg", ""),
    ],
)
def test_videos(name, video):
    """Frames are known by a word in their name or their folder's; merely numbered pictures are none."""
    assert video == video_of(name)


def test_observations_by_word():
    """Equal numbers behind obs or observation are one observation, in the name or in the folder's."""
    names = [
        "presence/obs5512_1.jpg",
        "presence/obs5512_2.jpg",
        "observation-77/a.jpg",
        "observation-77/b.jpg",
        "obs5513.jpg",
    ]

    assert [[0, 1], [2, 3]] == [found for found in observations(names) if len(found) > 1]


def test_observations_by_neighbouring_numbers():
    """Upload numbers that are far closer than chance are one observation; numbering without gaps tells nothing."""
    sparse = [f"vvel_{100_000_000 + 50_000 * i}.jpg" for i in range(20)] + ["vvel_100000001.jpg"]
    dense = [f"bee_{i:06}.jpg" for i in range(100)]
    dated = [f"2019091{i}_135806.jpg" for i in range(5)]

    assert [[0, 20]] == [found for found in observations(sparse) if len(found) > 1]
    assert [] == [found for found in observations(dense + dated) if len(found) > 1]


def test_stem_and_place():
    """Copies of a labelling service have their original's stem; folders of classes and splits are no place."""
    assert "wasp 3" == stem_of("a/wasp 3_jpg.rf.12ab34cd_77.jpg")
    assert "wasp.3" == stem_of("wasp.3.jpg")
    assert "hive2/left" == place_of("train/Presence/hive2/left/a.jpg")
