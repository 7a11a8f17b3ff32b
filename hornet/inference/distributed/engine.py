"""Partitions through Ray Data: a pool of workers, each with a model of its own."""

from __future__ import annotations

import functools
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import HornetError
from hornet.inference.distributed.worker import VERDICTS, Work, Worker
from hornet.inference.s3 import is_s3

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hornet.inference.distributed.partitions import Partition

#: How often a partition is tried again whose worker died: a picture that kills workers must not go round for ever.
_RETRIES: Final = 3
# One is being answered, the next is there already; more would be unevenly shared at the end.
_IN_FLIGHT: Final = 2


@dataclass(frozen=True, slots=True)
class Answered:
    """A partition whose rows are written.

    Attributes:
        number: Which one.
        verdicts: How many pictures of each verdict; ``failed`` among them.
    """

    number: int
    verdicts: Mapping[str, int]


def predict_partitions(
    model: bytes,
    partitions: Sequence[Partition],
    *,
    output: str,
    threshold: float | None,
    batch_size: int,
    workers: int,
) -> Iterator[Answered]:
    """Predict partitions on the cluster that this process is connected to.

    Args:
        model: The model file; it travels to the workers.
        partitions: At least one.
        output: Folder or address that rows are written to, one file a partition.
        threshold: Replaces the contract's low and high.
        batch_size: Pictures a run of the network.
        workers: Processes, one CPU each; no more than there are partitions are started.

    Yields:
        Partitions as they are written, in any order.

    Raises:
        HornetError: If a worker can't go on, or dies again and again. What is written stays.
    """
    import ray
    from ray.exceptions import RayError

    node = ray.get_runtime_context().get_node_id()
    work = Work.here(
        output if is_s3(output) else os.path.abspath(output),
        threshold=threshold,
        batch_size=batch_size,
        node=node,
    )
    try:
        dataset = _dataset(ray, partitions, work, ray.put(model), min(workers, len(partitions)))
        for row in dataset.iter_rows():
            if row["problem"]:
                raise HornetError(f"a worker can't go on: {row['problem']}")
            yield Answered(int(row["number"]), {name: int(row[name]) for name in VERDICTS})
    except RayError as error:
        raise HornetError(
            f"a worker ended {_RETRIES + 1} times on the same pictures, or couldn't start: {_reason(error)}"
        ) from None


def _dataset(ray: Any, partitions: Sequence[Partition], work: Work, model: Any, workers: int) -> Any:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    items = [
        {"number": partition.number, "file": partition.file, "pictures": partition.pictures}
        for partition in partitions
    ]
    with warnings.catch_warnings():
        # Ray deprecates the only way to say how often a task is tried again.
        warnings.simplefilter("ignore")
        return ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker,
            fn_constructor_args=(work, model),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=_IN_FLIGHT),
            ray_remote_args_fn=functools.partial(dict, max_restarts=-1, max_task_retries=_RETRIES),
        )


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
