"""Files that an artist chooses for a node: found inside ComfyUI's folders, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from ..dptn_core.system.files import names_a_stream
from . import host
from .errors import NodeError

SHIPPED = "sample: "  # what the names of files begin with that come with the pack


def chosen_file(file: str, node: str, name: str) -> Path:
    """Path of a file of ComfyUI's input folder, or of the folder that its name ends with: " [output]" or " [temp]".

    Raises:
        NodeError: it lies outside that folder, is not there, or has a name that Windows does not keep files under.
    """
    inside, base, words = host.annotated(file)
    where = f"{node}, input '{name}'"
    if names_a_stream(inside):
        raise NodeError(f"{where}: expected a name without ':', got {file}; Windows keeps no file there")
    folder = Path(os.path.abspath(base))
    path = Path(os.path.abspath(folder / inside))  # links in the folder are followed, ".." are not
    if not path.is_relative_to(folder):
        raise NodeError(f"{where}: {file} lies outside ComfyUI's {words} folder; copy it there")
    if not path.is_file():
        raise NodeError(f"{where}: {file} is not in ComfyUI's {words} folder; put it there")
    return path
