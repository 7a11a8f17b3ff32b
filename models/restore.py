"""Make a finished run of the packed float weights again, so that it can be exported anew when a contract says more.

Nothing is trained: the settings are those that the packed model names, the weights are the packed ones, rounded to float16,
and temperature, threshold and figures are measured again on the manifest's validation and test parts::

    python models/restore.py RUN MANIFEST
    hornet export RUN --licence Apache-2.0
    python models/pack.py RUN
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import load_file

from hornet.classifier import Classifier
from hornet.dataset import fingerprint, read_manifest
from hornet.errors import HornetError
from hornet.registry import PACKED_NAME, PACKED_WEIGHTS_NAME
from hornet.training.calibrate import calibrate
from hornet.training.config import build_config, save_config
from hornet.training.distributed import open_world
from hornet.training.hardware import choose_hardware
from hornet.training.network import HornetNet
from hornet.training.pictures import prepare
from hornet.training.position import Best
from hornet.training.runfolder import RunFolder, save_weights

HERE = Path(__file__).parent


def main(out: Path, manifest: Path) -> None:
    """Write configuration, manifest, weights and calibration of a run."""
    learned = Classifier.open(HERE / PACKED_NAME).contract.training
    dataset = read_manifest(manifest)
    if fingerprint(dataset) != learned["fingerprint"]:
        sys.exit(f"{manifest}: these aren't the pictures that the packed model learned from")
    config = build_config({**learned["settings"], "data": manifest})
    folder = RunFolder(out)
    folder.claim()
    save_config(config, folder.config)
    network = HornetNet(dropout=config.dropout, pooling=config.pooling)
    network.load_state_dict(load_file(HERE / PACKED_WEIGHTS_NAME))
    with open_world(config.device) as world:
        hardware = choose_hardware(config.device, config.precision, world).exact()
        pictures = prepare(dataset, config, folder, report=print, live=lambda _: None)
        save_weights(folder.weights, network.state_dict(), config)
        calibrate(network.eval(), pictures, hardware, folder, Best(**learned["best"]))


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except HornetError as error:
        sys.exit(str(error))
