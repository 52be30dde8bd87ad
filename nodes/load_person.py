"""Load Person."""

from __future__ import annotations

import math
from pathlib import Path

from ..dptn_core import samples
from ..dptn_core.image_io import read_image
from ..dptn_core.system.text import printable
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .images import to_host
from .input_files import SHIPPED, chosen_file
from .inputs import checks_inputs

_NODE = "Load Person"
_SAMPLES = {
    "studio": samples.STUDIO,
    "dancer": samples.DANCER,
    "astronaut": samples.PHOTOGRAPH,
    "rendered person": samples.RENDERED,
    "figure": samples.FIGURE,
}
_FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class LoadPerson(io.ComfyNode):
    """A photograph of one's own, and a sample until one is chosen: a workflow runs before anything is uploaded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNLoadPerson",
            display_name="Load Person (DPTN)",
            category="DPTN",
            description="Loads a photograph of yours. Until you choose one it gives a sample that ships with the pack, "
            "so that a shared workflow runs at once.",
            **host.search_words("load image", "upload", "photograph", "source"),
            inputs=[
                io.Combo.Input(
                    "photograph",
                    options=[*(SHIPPED + name for name in _SAMPLES), *host.input_files(*_FORMATS)],
                    default=SHIPPED + next(iter(_SAMPLES)),
                    upload=io.UploadType.image,
                    tooltip="Choose a file of ComfyUI's input folder, or upload one. 'sample: ...' ship with the pack.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "image", display_name="IMAGE", tooltip="The photograph, upright, on white where transparent."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, photograph: object) -> bool | str:
        """A file may have come since the options were listed, or lie in the output folder; raises nothing."""
        try:
            if isinstance(photograph, str):  # else a link names it
                with node_error_context(_NODE, "photograph"):
                    _path(photograph)
        except NodeError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, photograph: object) -> str | float:
        """A file written anew under the same name is read anew; one that a link names is not known before it runs."""
        if not isinstance(photograph, str):
            return math.nan
        with node_error_context(_NODE, "photograph"):
            path = _path(photograph)
            stat = path.stat()
        return printable(f"{path} {stat.st_mtime_ns} {stat.st_size}")

    @classmethod
    @checks_inputs(files=("photograph",))
    def execute(cls, photograph: str) -> io.NodeOutput:
        """Read one image file, a sample's or one of the input folder.

        Returns:
            Image (1, H, W, 3) in [0, 1].

        Raises:
            NodeError: the file is not there, or no image that can be read.
        """
        with node_error_context(_NODE, "photograph"):
            return io.NodeOutput(to_host([read_image(_path(photograph))]))


def _path(photograph: str) -> Path:
    if not photograph.startswith(SHIPPED):
        return chosen_file(photograph, _NODE, "photograph")
    path = _SAMPLES.get(photograph.removeprefix(SHIPPED))
    if path is None:
        raise NodeError(f"{_NODE}, input 'photograph': this version ships no {photograph!r}; choose another")
    return path
