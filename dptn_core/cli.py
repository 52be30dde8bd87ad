"""The command line: `dptn demo | transfer | detect | prepare | train | evaluate | convert | figures | bench`."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence

from .commands import bench, convert, demo, detect, evaluate, figures, prepare, train, transfer
from .system.text import printable

_COMMANDS = {
    "demo": (demo, "generate the people of the sample images in another pose, to check that everything works"),
    "transfer": (transfer, "generate the person in one or more images in another pose"),
    "detect": (detect, "find people in images and write their poses"),
    "prepare": (prepare, "lay out a set of images to train and test on"),
    "train": (train, "train a network, or resume a run"),
    "evaluate": (evaluate, "score a model, or generated images against ground truth"),
    "convert": (convert, "turn a .pth or training checkpoint into a .safetensors model"),
    "figures": (figures, "draw figures or render people: pairs to look at, a character, or a set to train on"),
    "bench": (bench, "measure speed and memory on this machine"),
}

# Errors whose message is all there is to say: every class of ours about bad input is a ValueError or OSError, and a
# training that diverged is a FloatingPointError. Anything else is a fault of the program and keeps its traceback.
_BAD_INPUT = (ValueError, OSError, FloatingPointError)
# What takes less memory; every other command is told to take smaller images.
_SMALLER = {
    "train": "lower batch, raise accumulate or choose smaller images in [[stages]]",
    "evaluate": "lower --batch",
    "transfer": "choose a smaller --size",
}
_SHOWN = 200  # characters of what torch says of memory
# What `pip install 'dptn-pose-transfer[train]'` adds; only training and evaluation import it.
_EXTRAS = (
    *("accelerate", "anny", "filelock", "jinja2", "OpenEXR", "skimage"),
    *("tensorboard", "tomli", "torchmetrics", "torchvision", "tqdm", "warp"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 2 for bad input (said on stderr in a line), or 130 when interrupted."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no text may
    command, _ = _COMMANDS[options.command]
    try:
        command.run(options)
    except KeyboardInterrupt as stop:
        print(f"dptn {options.command}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        advice = "pip install 'dptn-pose-transfer[train]'"
        print(f"dptn {options.command}: {package} is not installed; {advice}", file=sys.stderr)
        return 2
    except _BAD_INPUT as error:
        print(printable(f"dptn {options.command}: {error}"), file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        advice = _SMALLER.get(options.command, "choose smaller images")
        said = str(error).partition("\n")[0][:_SHOWN]
        details = f" ({said})" if said else ""
        print(f"dptn {options.command}: not enough memory{details}; {advice}", file=sys.stderr)
        return 2
    return 0


def _out_of_memory(error: Exception) -> bool:
    """Whether that is what an error is about: CUDA has a class for it, torch's allocators elsewhere have words."""
    words = ("can't allocate memory", "not enough memory", "out of memory", "could not create a memory object")
    return isinstance(error, MemoryError) or any(part in str(error).lower() for part in words)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `dptn`, with a subparser for each command.

    Importing a command imports nothing heavy, so `--help` answers at once. Options refuse bad values with
    `ArgumentTypeError`, which argparse prints before it exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="dptn",
        description="Generate a person in another pose with the Dual-task Pose Transformer Network.",
        epilog="'dptn COMMAND --help' explains a command. Poses are OpenPose JSON files, as pose editors save.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (command, summary) in _COMMANDS.items():
        command.add_options(subparsers.add_parser(name, help=summary))
    return parser


if __name__ == "__main__":
    sys.exit(main())
