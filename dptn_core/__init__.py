"""Pose transfer with the Dual-task Pose Transformer Network: everything that is true without ComfyUI."""
