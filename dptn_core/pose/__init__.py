"""Poses: the skeleton, the OpenPose JSON that packs exchange, and drawing.

Heat maps need torch, so they are imported on their own: ``from dptn_core.pose.heatmaps import ...``.
"""

from .drawing import JOINT_COLOURS, draw_skeleton, draw_skeleton_over
from .openpose_json import (
    PoseFileNotFoundError,
    PoseFormatError,
    load_pose_file,
    read_openpose,
    save_pose_file,
    write_openpose,
)
from .skeleton import KEYPOINT_NAMES, LIMBS, Canvas, NoPersonError, People, Pose

__all__ = [
    "JOINT_COLOURS",
    "KEYPOINT_NAMES",
    "LIMBS",
    "Canvas",
    "NoPersonError",
    "People",
    "Pose",
    "PoseFileNotFoundError",
    "PoseFormatError",
    "draw_skeleton",
    "draw_skeleton_over",
    "load_pose_file",
    "read_openpose",
    "save_pose_file",
    "write_openpose",
]
