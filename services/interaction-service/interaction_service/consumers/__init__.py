"""One module per source topic: translate events to commands, nothing else."""
