"""What ComfyUI loads: the blocks and the folder of the front end. Nothing heavy is imported before it is asked for."""

from __future__ import annotations

from typing import Any

WEB_DIRECTORY = "./web"
__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]


async def comfy_entrypoint() -> Any:
    """The pack's extension, as ComfyUI's V3 interface asks for it."""
    from .nodes import DPTNExtension

    return DPTNExtension()
