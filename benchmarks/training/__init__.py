"""What a training step takes: against the plain way, and shared by several processes."""
