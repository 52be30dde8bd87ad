"""Options that several commands have in common: model, device, sizes, counts."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from ..checkpoint import DPTNModel

MAX_SIZE = 2048  # pixels a side; the network compares every place with every other


def about(path: Path, error: Exception) -> str:
    """What is wrong with a file, with its name in front once."""
    return str(error) if str(error).startswith(str(path)) else f"{path}: {error}"


class CommandError(ValueError):
    """Options that cannot work together; the message says which and what would."""


def add_model(parser: ArgumentParser) -> None:
    """Add --model, --device, --precision and --heads, which `load_model_of` reads."""
    parser.add_argument("--model", type=Path, help=".safetensors or official .pth (default: the starter that ships)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16", "fp16"), default="auto", help="number format (default: auto)"
    )
    add_heads(parser)


def add_heads(parser: ArgumentParser) -> None:
    """Add --heads, for files that do not state their number of attention heads."""
    parser.add_argument(
        "--heads",
        type=positive,
        help="attention heads, for files that do not state them (default: 2, as published)",
    )


def load_model_of(options: Namespace) -> DPTNModel:
    """The model that `add_model`'s options choose."""
    from ..checkpoint import load_model, starter_path
    from ..system.device import DTYPES, choose_precision

    device = find_device(options.device)
    dtype = DTYPES[choose_precision(device, options.precision)]
    return load_model(options.model or starter_path(), device, dtype, heads=options.heads)


def check_out(out: Path) -> None:
    """Check that --out can be a folder to write in.

    Raises:
        CommandError: it is a file, or cannot be written.
    """
    from ..system.files import check_writable

    if out.exists() and not out.is_dir():
        raise CommandError(f"--out {out} cannot be written: it is a file; name a folder")
    try:
        check_writable(out / "any")
    except OSError as error:
        raise CommandError(f"--out {out} cannot be written: {error.strerror}; choose another folder") from error


def output_image(text: str) -> Path:
    """Read the path of an image to write, whose suffix names a format; the work comes after."""
    from ..image_io import ImageError, check_format

    try:
        check_format(Path(text))
    except ImageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(text)


def output_file(text: str) -> Path:
    """Read the path of a file to write; the work comes after."""
    from ..system.files import check_writable

    try:
        check_writable(Path(text))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be written: {error.strerror}") from error
    return Path(text)


def output_folder(text: str) -> Path:
    """Read the path of a folder to write in; the work comes after."""
    try:
        check_out(Path(text))
    except CommandError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--out ")) from error
    return Path(text)


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one.

    Raises:
        CommandError: it cannot be used here.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():  # of several processes on a machine each takes a GPU of its own
            rank = os.environ.get("LOCAL_RANK")
            return torch.device("cuda" if rank is None else f"cuda:{rank}")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise CommandError(f"--device {name} cannot be used here ({reason}); try --device cpu") from error
    return device


def size(text: str) -> tuple[int, int]:
    """Read "WIDTHxHEIGHT" as (height, width)."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, such as 96x128, got {text!r}")
    if max(int(width), int(height)) > MAX_SIZE:
        raise argparse.ArgumentTypeError(f"expected sides of at most {MAX_SIZE} pixels, got {text!r}")
    return int(height), int(width)


def natural(text: str) -> int:
    """Read a whole number from 0 on."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**31 - 1}, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r}")
    return value
