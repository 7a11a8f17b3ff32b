"""``hornet predict`` as real processes: pipes, interruptions, what a cold start imports."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

HEADER = b"path,label,probability,error\n"


@pytest.fixture
def pictures(tmp_path):
    """Return a folder with a few pictures."""
    folder = tmp_path / "pics"
    folder.mkdir()
    for number in range(6):
        Image.new("RGB", (40, 30), (40 * number, 0, 120)).save(folder / f"{number}.png")
    return folder


def command(tiny_model, *arguments):
    return [sys.executable, "-m", "hornet", "predict", "--model", str(tiny_model), *map(str, arguments)]


def test_rows_are_bytes(tiny_model, pictures):
    """Rows on stdout are UTF-8 with newlines alone, whatever the platform and its locale."""
    (pictures / "0.png").rename(pictures / "é.png")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        command(tiny_model, "pics"), cwd=pictures.parent, env=environment, capture_output=True, check=True
    )

    assert done.stdout.startswith(HEADER)
    assert b"\r" not in done.stdout
    assert 7 == done.stdout.count(b"\n")
    assert str(Path("pics/é.png")).encode() in done.stdout
    assert b"absent" in done.stderr


def test_paths_from_another_program(tiny_model, pictures):
    """Paths come on a pipe from another process."""
    paths = "\0".join(str(path) for path in sorted(pictures.iterdir())).encode()
    done = subprocess.run(command(tiny_model, "-", "-0", "-q"), input=paths, capture_output=True, check=True)

    assert 6 == done.stdout.count(b".png,")
    assert b"" == done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no broken pipes there")
@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_reader_that_goes_away(tiny_model, pictures, form):
    """A reader that has seen enough, like head, ends the run without a word."""
    many = [pictures] * 60
    process = subprocess.Popen(
        command(tiny_model, *many, "--batch", "1", "--format", form),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A pipe of the usual 64 KiB can take all rows: a slow reader would then close it too late.
        pipesize=4096,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()

    assert (1, b"") == (process.wait(), err)


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent otherwise there")
def test_interrupt_leaves_no_half_file(tiny_model, pictures, tmp_path):
    """Ctrl-C ends a run at once, without a traceback and without a file."""
    folder = tmp_path / "out"
    folder.mkdir()
    # It waits for more paths: interrupted in the middle for certain.
    process = subprocess.Popen(
        command(tiny_model, "-", "--batch", "1", "--workers", "1", "-o", folder / "rows.csv"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    for path in pictures.iterdir():
        process.stdin.write(os.fsencode(path) + b"\n")
    process.stdin.flush()
    while not any(path.stat().st_size > len(HEADER) for path in folder.iterdir()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert 130 == process.returncode
    assert [] == list(folder.iterdir())
    assert b"Traceback" not in err


_REPORT = """
import sys
from hornet.cli import main
sys.argv = ["hornet", "predict", *sys.argv[1:]]
try:
    main()
finally:
    sys.stderr.write("MODULES " + " ".join(sys.modules))
"""


def test_cold_start_imports_only_what_it_needs(tiny_model, pictures):
    """One prediction imports nothing that it doesn't need; the time of a cold start is imports."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _REPORT,
            str(pictures / "0.png"),
            "--model",
            str(tiny_model),
            "--format",
            "csv",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    modules = set(done.stderr.partition("MODULES ")[2].split())
    imported = {name.partition(".")[0] for name in modules}

    assert {"numpy", "PIL", "onnxruntime"} <= imported
    assert set() == {f"hornet.inference.{name}" for name in ("journal", "sorting", "fetch")} & modules
    unneeded = {
        "rich",
        "pydantic",
        "torch",
        "onnx",
        "sklearn",
        "asyncio",
        "concurrent",
        "ssl",
        "http",
        "platformdirs",
        "pyarrow",
        "pandas",
    }
    assert set() == unneeded & imported


def test_help_imports_nothing_heavy():
    """Help is instant: it loads neither arrays nor models."""
    report = "import sys, hornet.cli; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, check=True, text=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}

    assert set() == {"numpy", "PIL", "onnxruntime", "rich", "pydantic", "torch"} & imported


def test_batches_and_workers_change_nothing(tiny_model, pictures):
    """Rows are byte for byte the same for any batch size and worker count."""
    outputs = {
        subprocess.run(
            command(tiny_model, "pics", "--batch", batch, "--workers", workers, "--format", "jsonl"),
            cwd=pictures.parent,
            capture_output=True,
            check=True,
        ).stdout
        for batch, workers in ((1, 1), (4, 3), (32, 2))
    }

    assert 1 == len(outputs)
    assert 6 == len([json.loads(line) for line in outputs.pop().splitlines()])
