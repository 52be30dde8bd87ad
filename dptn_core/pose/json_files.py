"""Files of pose data: OpenPose JSON, or what Edit Skeleton keeps."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..system.files import NoFileError, opened_file, written_beside
from .edited import read_poses
from .openpose_json import PoseFormatError, write_openpose
from .skeleton import Canvas, People

MAX_FILE_BYTES = 64 * 2**20  # a quarter of an hour of one person at 30 frames a second, in the strict form


class PoseFileNotFoundError(PoseFormatError, FileNotFoundError):
    """There is no file at the path of a pose document."""


def load_pose_file(path: str | os.PathLike[str], canvas: Canvas | None = None) -> list[People]:
    """Read a JSON file (UTF-8) of pose data of at most `MAX_FILE_BYTES`; see `edited.read_poses`.

    Raises:
        PoseFileNotFoundError: There is no such file.
        PoseFormatError: It cannot be read, is too large, not UTF-8, not JSON or not pose data.
    """
    try:
        with opened_file(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise PoseFormatError(
                f"{path} is too large for a pose file: expected at most {MAX_FILE_BYTES // 2**20} MB; "
                "split the sequence"
            )
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise PoseFileNotFoundError(f"no pose file at {path}") from error
    except UnicodeDecodeError as error:
        raise PoseFormatError(f"{path} is not UTF-8 text: {error}") from error
    except NoFileError as error:
        raise PoseFormatError(f"{path} is not a pose file: {error.strerror}") from error
    except PoseFormatError:
        raise
    except (OSError, ValueError) as error:
        raise PoseFormatError(f"cannot read the pose file {str(path)!r}: {error}") from error
    try:
        return read_poses(text, canvas)
    except PoseFormatError as error:
        raise PoseFormatError(f"{path}: {error}") from error


def save_pose_file(path: str | os.PathLike[str], images: list[People], *, scores: bool = True) -> None:
    """Write pose data as a JSON file (UTF-8) in the strict form; `scores` as in `write_openpose`.

    The file is written beside its place and renamed, so a reader never sees half of it. Missing folders are made.

    Raises:
        OSError: The folder cannot be written.
    """
    path = Path(path)
    text = json.dumps(write_openpose(images, scores=scores), allow_nan=False)
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")
