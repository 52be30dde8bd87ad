"""The OpenPose body code inside the package controlnet-aux, without the rest of that package.

Importing controlnet_aux the usual way imports all of its detectors, which takes seconds and fails beside
mediapipe 0.10.30 and later. Its folder `open_pose` needs none of them, so it is imported as a package of its own
under a private name. That code is for non-commercial use only (CMU).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from .extraction_error import ExtractionError, first_line
from .optional_packages import version_of

_PACKAGE: Final = "controlnet_aux"
_PRIVATE: Final = "_dptn_controlnet_aux_open_pose"
_INSTALL: Final = (
    "run `pip install controlnet-aux`, which brings opencv-python-headless along; where opencv-python is installed "
    "already, `pip install --no-deps controlnet-aux` and scipy. Or use ViTPose, which needs nothing that ComfyUI "
    "does not bring"
)


def load_body_code() -> tuple[Any, Any]:
    """Load the classes `Body`, which decodes, and `bodypose_model`, the network.

    `controlnet_aux` itself is neither run nor put into `sys.modules`.

    Raises:
        ExtractionError: The package is missing, lacks something it needs, or is laid out in another way.
    """
    folder = _open_pose_folder()
    if sys.modules.get(_PRIVATE) is None or list(sys.modules[_PRIVATE].__path__) != [str(folder)]:
        _forget()
        package = ModuleType(_PRIVATE)
        package.__path__ = [str(folder)]  # where its relative imports look
        sys.modules[_PRIVATE] = package
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it takes a filter from scipy's former place
            # util before body: each imports the other, and only in this order are the names there in time
            importlib.import_module(f"{_PRIVATE}.util")
            body = importlib.import_module(f"{_PRIVATE}.body").Body
            network = importlib.import_module(f"{_PRIVATE}.model").bodypose_model
    except ModuleNotFoundError as error:
        _forget()
        raise ExtractionError(f"controlnet-aux lacks the package {error.name}: {_INSTALL}") from error
    except Exception as error:  # somebody else's code, of a version we may never have seen
        _forget()
        raise ExtractionError(
            f"controlnet-aux {version_of(_PACKAGE)} at {folder} cannot be used ({first_line(error)}); 0.0.10 is "
            f"known to work: {_INSTALL}"
        ) from error
    return body, network


def _open_pose_folder() -> Path:
    try:
        # Of a top-level name this runs nothing.
        spec = importlib.util.find_spec(_PACKAGE)
    except (ImportError, ValueError):  # somebody put a module without a spec there
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ExtractionError(f"OpenPose needs the package controlnet-aux, which is not installed: {_INSTALL}")
    folder = Path(next(iter(spec.submodule_search_locations))) / "open_pose"
    absent = [name for name in ("body.py", "model.py", "util.py") if not (folder / name).is_file()]
    if absent:
        raise ExtractionError(
            f"controlnet-aux {version_of(_PACKAGE)} has no {' and no '.join(absent)} in {folder}; "
            f"0.0.10 is known to work: {_INSTALL}"
        )
    return folder


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == _PRIVATE]:
        del sys.modules[name]
