"""Pose transfer with the Dual-task Pose Transformer Network: everything that is true without ComfyUI.

from dptn_core import transfer_pose

transfer_pose("me.jpg", "pose.json").save("out.png")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inference.one_call import transfer_pose

__all__ = ["transfer_pose"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is first used: torch takes seconds."""
    if name != "transfer_pose":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .inference.one_call import transfer_pose

    return transfer_pose
