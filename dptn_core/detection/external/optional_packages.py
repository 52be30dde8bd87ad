"""Packages this one can do without until a detector is asked for."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

from .extraction_error import ExtractionError, first_line


def optional_package(name: str, way_out: str) -> Any:
    """Import a package, or say in words how to get it.

    Raises:
        ExtractionError: It is not installed, or does not import.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ExtractionError(f"the package {error.name or name} is not installed: {way_out}") from error
    except Exception as error:  # a package at odds with its own dependencies may raise anything
        raise ExtractionError(
            f"the package {name} ({version_of(name)}) does not import ({first_line(error)}): {way_out}"
        ) from error


def version_of(distribution: str) -> str:
    """The installed version of a distribution, or "unknown version"."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown version"
