"""Poses in the forms that other packs put on their wires: SAM3D body, Wan Animate and DWPose.

Like OpenPose JSON, they may come from anybody, so what cannot be understood raises `PoseFormatError`.
"""

from .dwposes import read_dwposes, write_dwposes
from .mhr import read_mhr
from .wan_animate import read_wan_animate, write_wan_animate

__all__ = ["read_dwposes", "read_mhr", "read_wan_animate", "write_dwposes", "write_wan_animate"]
