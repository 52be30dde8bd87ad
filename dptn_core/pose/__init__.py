"""Poses: the skeleton, the OpenPose JSON that packs exchange, and drawing.

Heat maps need torch, so they are imported on their own: ``from dptn_core.pose.heatmaps import ...``.
"""

from .choice import PERSON_CHOICES, choose_person, follow_person
from .drawing import JOINT_COLOURS, draw_skeleton, draw_skeleton_over
from .edited import read_poses
from .fitting import fit_to_canvas, fit_to_person
from .interpolation import EASINGS, Step, frame_count, pose_between, sequence
from .json_files import PoseFileNotFoundError, load_pose_file, save_pose_file
from .openpose_json import PoseFormatError, read_openpose, write_openpose
from .silhouette import draw_silhouette
from .skeleton import KEYPOINT_NAMES, LIMBS, Canvas, NoPersonError, People, Pose
from .standing import standing_pose

__all__ = [
    "EASINGS",
    "JOINT_COLOURS",
    "KEYPOINT_NAMES",
    "LIMBS",
    "PERSON_CHOICES",
    "Canvas",
    "NoPersonError",
    "People",
    "Pose",
    "PoseFileNotFoundError",
    "PoseFormatError",
    "Step",
    "choose_person",
    "draw_silhouette",
    "draw_skeleton",
    "draw_skeleton_over",
    "fit_to_canvas",
    "fit_to_person",
    "follow_person",
    "frame_count",
    "load_pose_file",
    "pose_between",
    "read_openpose",
    "read_poses",
    "save_pose_file",
    "sequence",
    "standing_pose",
    "write_openpose",
]
