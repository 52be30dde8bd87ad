"""What each command of the command line does. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import threading
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from .checkpoint import DPTNModel
    from .pose import Canvas, Pose


class CommandError(ValueError):
    """Options that cannot work together; the message says which and what would."""


# Errors whose message is all there is to say: every class of ours about bad input is a ValueError or OSError, and a
# training that diverged is a FloatingPointError. Anything else is a fault of the program and keeps its traceback.
BAD_INPUT = (ValueError, OSError, FloatingPointError)
# What `pip install 'dptn-pose-transfer[train]'` adds; only training and evaluation import it.
EXTRAS = ("tensorboard", "tomli", "torchmetrics", "torchvision", "tqdm")


def run_transfer(options: Namespace) -> None:
    """`dptn transfer`."""
    from .attention_picture import attention_picture
    from .pictures import check_format, read_picture, write_picture
    from .pose import Canvas, People, draw_skeleton
    from .transfer import encode_source, transfer

    if options.attention:
        check_format(options.attention)
    picture = read_picture(options.image)
    canvas = Canvas(picture.shape[2], picture.shape[1])
    source_pose = _read_poses(options.source_pose, options.person, canvas)[0]
    read = [(path, _read_poses(path, options.person, canvas)) for path in options.target_pose]
    names = _names([(path, len(poses)) for path, poses in read])
    outputs = [options.out / f"{name}{part}.png" for name in names for part in ("", "_skeleton")]
    _keep(options.image, outputs + ([options.attention] if options.attention else []))
    model = _load(options)
    source = encode_source(model, picture, source_pose, framing=options.framing, size=options.size)
    unnamed = iter(names)
    for number, (_, poses) in enumerate(read):
        result = transfer(source, poses)  # the poses of one file are a sequence and share a frame
        for pose, drawn in zip(poses, result.pictures, strict=True):
            name = next(unnamed)
            path, skeleton = options.out / f"{name}.png", options.out / f"{name}_skeleton.png"
            write_picture(path, drawn)
            write_picture(skeleton, draw_skeleton(People((pose,), pose.canvas)))
            print(f"wrote {path} and {skeleton}")
        if options.attention and number == 0:
            write_picture(options.attention, attention_picture(result, 0))
            print(f"wrote {options.attention}")


def run_demo(options: Namespace) -> None:
    """`dptn demo`: the figure and the photograph that ship, in other poses."""
    import torch

    from . import samples
    from .attention_picture import attention_picture
    from .pictures import read_picture, to_picture, write_picture
    from .pose import People, draw_skeleton
    from .transfer import encode_source, transfer

    model = _load(options)
    for name, image, pose_file, targets in (
        ("figure", samples.FIGURE, samples.FIGURE_POSE, samples.FIGURE_TARGETS),
        ("photograph", samples.PHOTOGRAPH, samples.PHOTOGRAPH_POSE, samples.PHOTOGRAPH_TARGETS),
    ):
        picture = read_picture(image)
        source_pose = _read_poses(pose_file, None)[0]
        source = encode_source(model, picture, source_pose)
        poses = [_read_poses(path, None)[0] for path in targets]
        result = transfer(source, poses)
        strip = [picture]
        for path, pose, drawn in zip(targets, poses, result.pictures, strict=True):
            skeleton = draw_skeleton(People((pose,), pose.canvas))
            write_picture(options.out / f"{path.stem}.png", drawn)
            write_picture(options.out / f"{path.stem}_skeleton.png", skeleton)
            strip += [to_picture(skeleton), drawn.cpu()]
        write_picture(options.out / f"{name}_strip.png", torch.cat(strip, dim=2))
        write_picture(options.out / f"{name}_attention.png", attention_picture(result, 0))
        print(f"wrote {options.out / name}_strip.png and {options.out / name}_attention.png")


def run_train(options: Namespace) -> None:
    """`dptn train`."""
    from .training import RunOptions, load_config, train

    config = load_config(options.config)
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        """Let the step end and the state be saved, for Ctrl-C and a job scheduler alike; the second time, at once."""
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    path = train(
        config,
        RunOptions(
            folder=options.out,
            device=_device(options.device),
            start_from=options.start_from,
            command=shlex.join(["dptn", *sys.argv[1:]]),
            stop_after=options.steps,
            should_stop=stop.is_set,
        ),
    )
    print(f"wrote {path}; 'dptn convert {path} model.safetensors' makes a model of it")


def run_evaluate(options: Namespace) -> None:
    """`dptn evaluate`."""
    from tqdm import tqdm

    from .evaluation import evaluate_drawn

    model = _load(options)
    with tqdm(total=options.pairs, unit="pair", dynamic_ncols=True) as bar:
        scores = evaluate_drawn(model, pairs=options.pairs, progress=lambda done: bar.update(done - bar.n))
    print(json.dumps(asdict(scores), indent=2))


def run_convert(options: Namespace) -> None:
    """`dptn convert`."""
    from .checkpoint import load_model, save_model
    from .precision import DTYPES

    model = load_model(options.source, heads=options.heads)
    save_model(options.target, model, DTYPES[options.dtype])
    size = options.target.stat().st_size / 2**20
    print(f"wrote {options.target} ({size:.1f} MiB, {options.dtype})")


def run_figures(options: Namespace) -> None:
    """`dptn figures`."""
    import numpy as np

    from .data.figures import draw_pairs, pair_seeds
    from .data.sheet import pair_sheet
    from .pictures import check_format, write_picture

    check_format(options.out)
    seeds = pair_seeds(options.seed, options.first, options.pairs)
    # One line at a time: drawing takes much more memory than the sheet.
    lines = [pair_sheet(draw_pairs(line, options.size), columns=4) for line in seeds.split(4)]
    write_picture(options.out, np.concatenate(lines))
    print(f"wrote {options.out}")


def run_bench(options: Namespace) -> None:
    """`dptn bench`."""
    from .atomic import written_beside
    from .bench import measure, report

    numbers = measure(_device(options.device), options.rounds)
    print(report(numbers))
    if options.out:
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def _load(options: Namespace) -> DPTNModel:
    from .checkpoint import load_model, starter_path
    from .precision import DTYPES, choose_precision

    device = _device(options.device)
    dtype = DTYPES[choose_precision(device, options.precision)]
    return load_model(options.model or starter_path(), device, dtype, heads=options.heads)


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise CommandError(f"--device {name} cannot be used here ({reason}); try --device cpu") from error
    return device


def _read_poses(path: Path, person: int | None, canvas: Canvas | None = None) -> list[Pose]:
    """The chosen person of every picture in a pose file; `canvas` is for files that state none."""
    from .pose import load_pose_file

    found = load_pose_file(path, canvas)
    poses = []
    for index, people in enumerate(found):
        try:
            poses.append(people.largest() if person is None else people.person(person))
        except (ValueError, IndexError) as error:
            where = f"{path}" if len(found) == 1 else f"{path}, picture {index}"
            raise CommandError(f"{where}: {error}") from error
    if not poses:
        raise CommandError(f"{path} holds no pose")
    return poses


def _names(files: list[tuple[Path, int]]) -> list[str]:
    """A file name for each pose: the pose file's, numbered where it holds several, or where two would be the same."""
    names: list[str] = []
    for path, count in files:
        names += [path.stem] if count == 1 else [f"{path.stem}_{index:04d}" for index in range(count)]
    written = {name.lower() for name in names} | {f"{name.lower()}_skeleton" for name in names}
    return names if len(written) == 2 * len(names) else [f"{name}_{index}" for index, name in enumerate(names)]


def _keep(image: Path, outputs: list[Path]) -> None:
    """Refuse to write over the picture that is read, or one output over another."""
    seen = {image.resolve()}
    for path in outputs:
        if path.resolve() in seen:
            raise CommandError(f"{path} would be written over; choose another --out or --attention")
        seen.add(path.resolve())
