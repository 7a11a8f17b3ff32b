"""Everything that needs torch: network, augmentation, loop, checkpoints, export, quantisation."""
