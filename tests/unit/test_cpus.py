"""How many processors: affinity, and quotas of control groups of both versions."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hornet.cpus import available_cpus, cgroup_quota


@pytest.fixture
def proc(tmp_path):
    """Return a function that writes a process's cgroup and mountinfo, for mounts below tmp_path."""

    def write(groups, *mounts):
        folder = tmp_path / "proc"
        folder.mkdir()
        (folder / "cgroup").write_text("".join(f"{line}\n" for line in groups))
        (folder / "mountinfo").write_text(
            "".join(
                f"30 23 0:26 {root} {tmp_path}/{point} rw,nosuid - {kind} cgroup {options}\n"
                for root, point, kind, options in mounts
            )
        )
        return folder

    return write


def group(folder, **files):
    """Write a control group's files; double underscores stand for dots."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


V2 = ("/", "v2", "cgroup2", "rw")


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5), ("?", None)]
)
def test_version_2(proc, tmp_path, text, quota):
    """cpu.max is a quota and its period; damaged, it says nothing."""
    group(tmp_path / "v2" / "box", cpu__max=text)

    assert quota == cgroup_quota(proc(["0::/box"], V2))


def test_the_smallest_of_all_above(proc, tmp_path):
    """A group above may have less than the process's own, which may have none."""
    group(tmp_path / "v2" / "a", cpu__max="200000 100000")
    group(tmp_path / "v2" / "a" / "b", cpu__max="300000 100000")
    group(tmp_path / "v2" / "a" / "b" / "c", cpu__max="max 100000")

    assert 2 == cgroup_quota(proc(["0::/a/b/c"], V2))


def test_version_1(proc, tmp_path):
    """Quota and period have files of their own; -1 is none; other controllers' mounts don't count."""
    group(tmp_path / "v1", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    group(tmp_path / "v1" / "box", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    group(tmp_path / "sets" / "box", cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    folder = proc(
        ["4:memory:/m", "3:cpuset:/box", "2:cpu,cpuacct:/box", "0::/"],
        ("/", "sets", "cgroup", "rw,cpuset"),
        ("/", "v1", "cgroup", "rw,cpu,cpuacct"),
    )

    assert 4 == cgroup_quota(folder)


def test_a_container_sees_its_group_as_the_root(proc, tmp_path):
    """Docker without a namespace: the path is the host's, the mount begins at the container's group."""
    group(tmp_path / "my cpu", cpu__cfs_quota_us="250000", cpu__cfs_period_us="100000")
    folder = proc(["2:cpu:/docker/abc"], ("/docker/abc", r"my\040cpu", "cgroup", "rw,cpu"))

    assert 2.5 == cgroup_quota(folder)


def test_no_control_groups(tmp_path):
    """Other systems have none."""
    assert cgroup_quota(tmp_path / "proc") is None


@pytest.mark.parametrize(("quota", "cpus"), [(None, 8), (0.5, 1), (1.5, 2), (2.0, 2), (64.0, 8)])
def test_quota_and_affinity(monkeypatch, quota, cpus):
    """The smaller of both, at least one; a fraction counts as a whole."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr("hornet.cpus.cgroup_quota", lambda: quota)

    assert cpus == available_cpus()


COUNT = "from hornet.cpus import available_cpus, cgroup_quota; print(available_cpus(), cgroup_quota())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_real_affinity():
    """A process that is pinned to one CPU counts one."""
    one = {min(os.sched_getaffinity(0))}
    run = subprocess.run(
        [sys.executable, "-c", COUNT],
        preexec_fn=lambda: os.sched_setaffinity(0, one),
        capture_output=True,
        text=True,
        check=True,
    )

    assert "1" == run.stdout.split()[0]


@pytest.fixture
def limited():
    """Return a file that puts a process into a control group with half a CPU, or skip."""
    folder = Path("/sys/fs/cgroup/cpu" if Path("/sys/fs/cgroup/cpu").is_dir() else "/sys/fs/cgroup")
    folder /= f"hornet-test-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir()
            stack.callback(folder.rmdir)
            if (folder / "cpu.cfs_quota_us").exists():
                (folder / "cpu.cfs_quota_us").write_text("50000")
            else:
                (folder / "cpu.max").write_text("50000 100000")
        except OSError as error:
            pytest.skip(f"control groups can't be made here: {error}")
        yield folder / "cgroup.procs"


def test_real_quota(limited):
    """A process in a control group with half a CPU counts one, and knows its quota."""
    run = subprocess.run(
        ["sh", "-c", 'echo $$ > "$1"; exec "$2" -c "$3"', "sh", str(limited), sys.executable, COUNT],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ["1", "0.5"] == run.stdout.split()
