"""Put a run's model into this folder: the int8 artifact as it is, the float weights in float16, the bank, their sums.

python models/pack.py RUN
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from hornet.checksums import write_sums
from hornet.registry import PACKED_BANK_NAME, PACKED_NAME, PACKED_WEIGHTS_NAME
from hornet.training.bank import read_bank, trunk_digest

HERE = Path(__file__).parent


def main(run: Path) -> None:
    """Copy the artifact, and store every floating tensor in half the bytes."""
    for name in ("weights.safetensors", "hornet-int8.onnx", "bank.safetensors"):
        if not (run / name).is_file():
            sys.exit(f"{run / name} is missing; hornet export {run} makes what a finished training lacks")
    with safe_open(run / "weights.safetensors", framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    # Running variances reach beyond float16's range in no ResNet-18 that trained; check all the same.
    small = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
    }
    for name, tensor in small.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            sys.exit(f"{name} has values that float16 can't hold")
    if read_bank(run / "bank.safetensors").trunk != trunk_digest(small):
        sys.exit("the bank is of other weights; export the run again")
    save_file(small, HERE / PACKED_WEIGHTS_NAME, metadata)
    shutil.copyfile(run / "hornet-int8.onnx", HERE / PACKED_NAME)
    shutil.copyfile(run / "bank.safetensors", HERE / PACKED_BANK_NAME)
    # The model is refused where this record doesn't fit it.
    write_sums([HERE / name for name in (PACKED_NAME, PACKED_WEIGHTS_NAME, PACKED_BANK_NAME)], HERE)


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
