"""The command line: `dptn demo | transfer | train | evaluate | convert | figures | bench`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import commands

LARGEST_SIZE = 2048  # pixels a side; the network compares every place with every other


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 2 for bad input (said on stderr in a line), or 130 when interrupted."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except KeyboardInterrupt as stop:
        print(f"dptn {options.command}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in commands.EXTRAS:
            raise
        advice = "pip install 'dptn-pose-transfer[train]'"
        print(f"dptn {options.command}: {error.name} is not installed; {advice}", file=sys.stderr)
        return 2
    except commands.BAD_INPUT as error:
        print(f"dptn {options.command}: {error}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options; nothing heavy is imported for `--help`."""
    parser = argparse.ArgumentParser(
        prog="dptn",
        description="Redraw a person in another pose with the Dual-task Pose Transformer Network.",
        epilog="'dptn COMMAND --help' explains a command. Poses are OpenPose JSON files, as pose editors save.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(subparsers.add_parser("demo", help="redraw the pictures that ship, to see that everything works"))
    _add_transfer(subparsers.add_parser("transfer", help="redraw the person of a picture in other poses"))
    _add_train(subparsers.add_parser("train", help="train a network, or go on training one"))
    _add_evaluate(subparsers.add_parser("evaluate", help="score a model on the fixed set of drawn figures"))
    _add_convert(subparsers.add_parser("convert", help="turn a .pth or training checkpoint into a .safetensors model"))
    _add_figures(subparsers.add_parser("figures", help="draw pairs of figures to look at"))
    _add_bench(subparsers.add_parser("bench", help="measure speed and memory on this machine"))
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Redraw a drawn figure and a photograph that ship in other poses, with pictures of the attention."
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    _add_model(parser)
    parser.set_defaults(run=commands.run_demo)


def _add_transfer(parser: argparse.ArgumentParser) -> None:
    parser.description = "Redraw the person of a picture in one or more poses."
    parser.add_argument("--image", type=Path, required=True, help="picture of the person, any format and size")
    parser.add_argument("--source-pose", type=Path, required=True, help="OpenPose JSON: the pose seen in the picture")
    parser.add_argument(
        "--target-pose",
        type=Path,
        required=True,
        nargs="+",
        help="OpenPose JSON files: one picture is drawn for each pose",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    parser.add_argument(
        "--attention", type=Path, help="also write this picture of where the network looked for the first pose"
    )
    parser.add_argument(
        "--person", type=int, default=None, help="which person of the pose files, from 0 (default: largest)"
    )
    parser.add_argument(
        "--framing", choices=("fit", "stretch"), help="how the person is cut out (default: as the model was trained)"
    )
    parser.add_argument(
        "--size", type=_size, help="size the network works at, like 96x128 (default: its training size)"
    )
    _add_model(parser)
    parser.set_defaults(run=commands.run_transfer)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train from a TOML config. Run the same command again to go on after a stop, even a sudden one."
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML file; examples: dptn_core/training/presets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument("--from", dest="start_from", type=Path, help="model whose weights the run starts with")
    parser.add_argument("--steps", type=_positive, help="stop after this many steps, to go on later")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.set_defaults(run=commands.run_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Score a model on the fixed test set of drawn figures."
    parser.add_argument("--pairs", type=_positive, default=500, help="pairs to score (default: all 500)")
    _add_model(parser)
    parser.set_defaults(run=commands.run_evaluate)


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.description = "Read the authors' .pth, a training checkpoint or a model, and write a .safetensors model."
    parser.add_argument("source", type=Path, help="file to read")
    parser.add_argument("target", type=Path, help=".safetensors file to write")
    parser.add_argument(
        "--dtype", choices=("fp32", "fp16", "bf16"), default="fp32", help="number format (default: fp32)"
    )
    _add_heads(parser)
    parser.set_defaults(run=commands.run_convert)


def _add_figures(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Draw pairs of figures: source, target, and the source's pixels carried along the true correspondence "
        "(magenta where the source does not show the place)."
    )
    parser.add_argument("--out", type=Path, default=Path("out/figures.png"), help="picture to write")
    parser.add_argument("--pairs", type=_positive, default=16, help="how many (default: 16)")
    parser.add_argument("--seed", type=_natural, default=1, help="which endless set (default: 1)")
    parser.add_argument("--first", type=_natural, default=0, help="number of the first pair (default: 0)")
    parser.add_argument("--size", type=_size, default=(256, 192), help="width x height of a figure (default: 192x256)")
    parser.set_defaults(run=commands.run_figures)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measure ratios within one run, both sides interleaved: encode once against forward, precision, heat maps, "
        "figures, training, memory."
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--rounds", type=_positive, default=5, help="repetitions; medians are shown (default: 5)")
    parser.add_argument("--out", type=Path, help="also write the numbers as JSON")
    parser.set_defaults(run=commands.run_bench)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help=".safetensors or official .pth (default: the starter that ships)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16", "fp16"), default="auto", help="number format (default: auto)"
    )
    _add_heads(parser)


def _add_heads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--heads", type=_positive, help="attention heads, for files that do not say (default: 2, the published models')"
    )


def _size(text: str) -> tuple[int, int]:
    """Read "WIDTHxHEIGHT" as (height, width)."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write width x height, like 96x128")
    if max(int(width), int(height)) > LARGEST_SIZE:
        raise argparse.ArgumentTypeError(f"{text!r} is too large; sides up to {LARGEST_SIZE} are possible")
    return int(height), int(width)


def _natural(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**31 - 1}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
