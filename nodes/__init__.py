"""The graph nodes, one file a stage: unpack, call `dptn_core`, pack."""

from __future__ import annotations

from . import host
from .attention_preview import AttentionPreview
from .clean_poses import CleanPoses
from .convert_pose import ConvertPose
from .draw_skeleton import DrawSkeleton
from .edit_skeleton import EditSkeleton
from .encode_source import EncodeSource
from .extract_pose import ExtractPose
from .load_model import LoadDPTNModel
from .load_person import LoadPerson
from .person_mask import PersonMask
from .pose_files import LoadPose, SavePose
from .retarget_pose import RetargetPose
from .sample_person import SamplePerson
from .transfer_pose import TransferPose


class DPTNExtension(host.ComfyExtension):
    """All nodes of the pack."""

    async def get_node_list(self) -> list[type[host.io.ComfyNode]]:
        """The nodes in the order of their use."""
        host.register_folders()
        return [
            LoadDPTNModel,
            SamplePerson,
            LoadPerson,
            ExtractPose,
            PersonMask,
            ConvertPose,
            CleanPoses,
            RetargetPose,
            EditSkeleton,
            DrawSkeleton,
            LoadPose,
            SavePose,
            EncodeSource,
            TransferPose,
            AttentionPreview,
        ]
