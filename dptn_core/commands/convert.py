"""`dptn convert`: turn a .pth or training checkpoint into a .safetensors model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import add_heads


def add_options(parser: ArgumentParser) -> None:
    """Add the file to read, the .safetensors file to write, --dtype and --heads."""
    parser.description = "Convert the authors' .pth, a training checkpoint or a model to a .safetensors model."
    parser.add_argument("source", type=Path, help="file to read")
    parser.add_argument("target", type=Path, help=".safetensors file to write")
    parser.add_argument(
        "--dtype", choices=("fp32", "fp16", "bf16"), default="fp32", help="number format (default: fp32)"
    )
    add_heads(parser)


def run(options: Namespace) -> None:
    """Read a model of any kind and write it as .safetensors, with its metadata.

    Raises:
        CheckpointError: the file cannot be read as a model, or the target cannot be written.
    """
    from ..checkpoint import load_model, save_model
    from ..checkpoint.saving import check_target
    from ..system.device import DTYPES

    check_target(options.target)
    model = load_model(options.source, heads=options.heads)
    save_model(options.target, model, DTYPES[options.dtype])
    size = options.target.stat().st_size / 2**20
    print(f"wrote {options.target} ({size:.1f} MiB, {options.dtype})")
