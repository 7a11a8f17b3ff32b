"""A Ray cluster to work on: one that is there already, or one of this machine's own that ends with the run."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hornet.cpus import available_cpus
from hornet.errors import ConfigError, HornetError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Model, packed names of pictures and counts go through it, no pictures; bytes.
_OBJECT_STORE: Final = 256 * 1024 * 1024
#: Set unless they are set. Ray reports to its makers otherwise, and its processes speak up on stderr.
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Else workers give way to everything else, and predicting here would wait for it.
    "RAY_worker_niceness": "0",
}
#: Longest time until a cluster takes a connection, s.
_CONNECT_S: Final = 10.0
#: Ray's sockets lie below its folder, and their paths must stay short.
_LONGEST_TEMP: Final = 40


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[int]:
    """Connect to a cluster, or start one here; disconnect or stop it at the end.

    Args:
        address: ``HOST:PORT`` or ``auto``; None: ``RAY_ADDRESS``, else a cluster of this machine's own.
        workers: How many processes to start; None: one a CPU of the cluster.

    Yields:
        How many workers to start.

    Raises:
        MissingExtra: If Ray isn't installed.
        ConfigError: If the address is none, there is no cluster, or it has fewer CPUs than workers.
        HornetError: If Ray can't be started here.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        check_address(address)
    ray = _imported(own=address is None)
    own: str | None = None
    try:
        with _own_signals(), _muted():
            if address is None:
                own = tempfile.mkdtemp(prefix="hornet-ray-", dir=_short_temp())
                _start(ray, own, workers or available_cpus())
            else:
                _join(ray, address)
        cpus = int(ray.cluster_resources().get("CPU", 0))
        if cpus < (workers or 1):
            raise ConfigError(
                f"{workers or 1} workers are wanted, each takes a CPU, and the cluster at {address} has {cpus}; "
                "ask for fewer with --workers"
            )
        yield workers or cpus
    finally:
        ray.shutdown()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


def _imported(*, own: bool) -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if own and not any(name.startswith("RAY_AUTH_") for name in os.environ):
        # Nobody else on this machine gets in; Ray would leave a file with a token in the home folder.
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtra("ray", "--engine ray") from None
    logging.getLogger("ray").setLevel(logging.ERROR)
    for handler in logging.getLogger("ray.data").handlers:
        if type(handler).__name__ != "SessionFileHandler":
            handler.setLevel(logging.ERROR)
    return ray


def _start(ray: Any, folder: str, cpus: int) -> None:
    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            num_gpus=0,
            object_store_memory=_OBJECT_STORE,
            _node_ip_address="127.0.0.1",  # no way out is looked for
            include_dashboard=False,
            _temp_dir=folder,
            **_silence(),
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise HornetError(f"can't start Ray on this machine: {_one_line(error)}") from None


def check_address(address: str) -> None:
    """Raise ConfigError unless this is how a cluster is named."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"{address} is no address of a Ray cluster: write HOST:PORT, or auto, and run hornet on a machine of the "
            "cluster ('ray job submit' does); Ray's client (ray://) can't drive it from outside"
        )


def _join(ray: Any, address: str) -> None:
    try:
        if address != "auto":
            # Ray itself would go on trying for minutes.
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
        ray.init(address=address, **_silence())
    except (RuntimeError, OSError, ValueError, OverflowError) as error:  # ConnectionError is an OSError
        raise ConfigError(
            f"can't reach a Ray cluster at {address}: {_one_line(error)}; start one with 'ray start --head', "
            "or leave --ray-address out"
        ) from None


def _silence() -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's handlers: Ray puts its own in their place, and would end it on the spot."""
    names = ("SIGTERM", "SIGINT", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextmanager
def _muted() -> Iterator[None]:
    """Send what Ray's compiled part writes on stderr while it starts nowhere; what is wrong, it raises as well."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _short_temp() -> str | None:
    """Return a folder for Ray's files whose path is short enough for sockets; None: the usual one."""
    if sys.platform == "win32" or len(tempfile.gettempdir()) <= _LONGEST_TEMP:
        return None
    return "/tmp"  # noqa: S108 - mkdtemp makes a folder of its own there


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
