"""The memory of ``hornet predict`` doesn't grow with the number of pictures."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

if sys.platform != "linux":
    pytest.skip("peaks are read from /proc", allow_module_level=True)

# The command, and then its own peak; the system's figure for children would count their parent's.
_PROGRAM = """
import runpy, sys
try:
    runpy.run_module("hornet", run_name="__main__")
finally:
    print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0], file=sys.__stdout__)
"""


@pytest.mark.parametrize("options", [[], ["--resume"]], ids=["plain", "journal"])
def test_many_pictures_need_what_few_do(make_artifact, tmp_path, options):
    """Ten times the pictures need at most 1.1 times the memory, with a journal, too."""
    model = make_artifact(tmp_path / "tiny.onnx")
    Image.new("RGB", (40, 30), (200, 50, 20)).save(tmp_path / "one.png")

    def peak(count):
        listed, output = tmp_path / f"{count}.txt", tmp_path / f"{count}.csv"
        listed.write_text(f"{tmp_path}/one.png\n" * count)
        command = [
            "predict",
            f"@{listed}",
            "--output",
            str(output),
            "--model",
            str(model),
            "--quiet",
            *options,
        ]
        run = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *command], stdout=subprocess.PIPE, text=True, check=True
        )
        assert 1 + count == output.read_text().count("\n")
        return int(run.stdout)

    assert peak(5000) <= 1.1 * peak(500)
