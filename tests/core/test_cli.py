"""The command line: what it writes, what it says, and that nobody ever sees a traceback for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core import samples
from dptn_core.checkpoint import load_model, save_model
from dptn_core.cli import main
from dptn_core.commands import convert
from dptn_core.image_io import read_image, write_image
from dptn_core.pose import People, Pose, save_pose_file

ROOT = Path(__file__).parents[2]
COMMANDS = ("demo", "transfer", "detect", "train", "evaluate", "convert", "figures", "bench")
CANVAS = (120, 160)


class Desk:
    """A folder with everything a transfer needs, and the arguments that name it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.model = folder / "tiny.safetensors"
        save_model(self.model, tiny_model())
        write_image(folder / "source.png", smooth_image(*CANVAS))
        self.save("source", person(CANVAS))
        self.save("wave", person(CANVAS, sway=0.1, seed=1))
        self.save("walk", person((90, 100), sway=0.1, seed=2))
        self.save("nobody")
        (folder / "text.png").write_text("no image")
        write_image(folder / "lonely.png", smooth_image(*CANVAS))
        (folder / "file").write_text("no folder")
        self.empty = folder / "empty"
        self.empty.mkdir()

    def save(self, name: str, *people: Pose, frames: int = 1) -> Path:
        canvas = people[0].canvas if people else person(CANVAS).canvas
        save_pose_file(self.folder / f"{name}.json", [People(people, canvas)] * frames)
        return self.folder / f"{name}.json"

    def arguments(self, *more: object, **changed: object) -> list[str]:
        """`dptn transfer` with the usual options, some of them changed, None leaves one out."""
        options = {
            "image": self.folder / "source.png",
            "source_pose": self.folder / "source.json",
            "target_pose": self.folder / "wave.json",
            "out": self.out,
            "model": self.model,
            "device": "cpu",
            "precision": "fp32",
            **changed,
        }
        words = ["transfer"]
        for name, value in options.items():
            if value is not None:
                words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
        return [*words, *map(str, more)]

    def written(self) -> list[str]:
        return sorted(str(file.relative_to(self.out)) for file in self.out.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def desk_of_all(tmp_path_factory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(desk_of_all, tmp_path, monkeypatch) -> Desk:
    """The shared desk with an output folder of one's own; commands run in an empty folder."""
    desk_of_all.out = tmp_path / "out"
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return desk_of_all


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def refused(capsys, arguments: list[object]) -> str:
    """Run a command that must end in exit code 2 and say why on a single line of stderr; returns that line."""
    try:
        code = main([str(argument) for argument in arguments])
        usage = False
    except SystemExit as stop:  # argparse's own way out, which shows the usage first
        code, usage = stop.code, True
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    lines = said.err.splitlines()
    assert usage or len(lines) == 1
    # Options that no command has are argparse's to refuse, before it knows the command.
    assert lines[-1].startswith((f"dptn {arguments[0]}: ", "dptn: error: unrecognized"))
    assert len(lines[-1]) < 600
    return lines[-1]


# Transfer


def leave_half(path: Path) -> None:
    """What a killed process leaves beside a file it was writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".{path.stem}.4194305.part{path.suffix}").write_bytes(b"half")


def test_a_transfer_writes_a_picture_and_a_skeleton_in_the_size_of_the_poses_canvas(desk, capsys):
    assert main(desk.arguments()) == 0
    assert desk.written() == ["wave.png", "wave_skeleton.png"]
    assert size_of(desk.out / "wave.png") == size_of(desk.out / "wave_skeleton.png") == CANVAS
    said = capsys.readouterr()
    assert str(desk.out / "wave.png") in said.out and said.err == ""


def test_several_pose_files_and_files_of_several_frames_give_a_picture_for_each_pose(desk):
    dance = desk.save("dance", person(CANVAS, sway=0.2, seed=3), frames=3)
    targets = [desk.folder / "wave.json", dance, desk.folder / "walk.json"]
    assert main(desk.arguments(target_pose=targets)) == 0
    names = ["dance_0000", "dance_0001", "dance_0002", "walk", "wave"]
    assert desk.written() == sorted(f"{name}{part}.png" for name in names for part in ("", "_skeleton"))
    assert size_of(desk.out / "walk.png") == (90, 100)
    assert size_of(desk.out / "dance_0001.png") == CANVAS


def test_each_of_many_pictures_is_drawn_in_every_pose_as_it_is_alone(desk, tmp_path):
    people = tmp_path / "people"
    for number, name in enumerate(("anna/1", "anna/2", "bert/1")):
        (people / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(people / f"{name}.png", smooth_image(*CANVAS) * (0.5 + 0.2 * number))
        ending = "_keypoints.json" if number == 1 else ".json"
        (people / f"{name}{ending}").write_bytes((desk.folder / "source.json").read_bytes())
    targets = [desk.folder / "wave.json", desk.folder / "walk.json"]
    out = people / "out"  # in the folder that is read, and again
    for _ in range(2):
        assert main(desk.arguments(image=people, source_pose=None, target_pose=targets, out=out)) == 0
    written = [f"{pose}{part}.png" for pose in ("walk", "wave") for part in ("", "_skeleton")]
    for name in ("anna/1", "anna/2", "bert/1"):
        assert sorted(path.name for path in (out / name).iterdir()) == written
    alone = desk.arguments(image=people / "anna" / "2.png", source_pose=None, target_pose=targets[1])
    assert main(alone) == 0
    assert (desk.out / "walk.png").read_bytes() == (out / "anna" / "2" / "walk.png").read_bytes()
    # images of the same name get folders of different ones
    both = [people / "anna" / "1.png", people / "bert" / "1.png"]
    assert main(desk.arguments(image=both, source_pose=[desk.folder / "source.json"] * 2, out=out / "more")) == 0
    assert sorted(path.name for path in (out / "more").iterdir()) == ["1_0", "1_1"]


def test_poses_of_the_same_name_do_not_overwrite_each_other(desk):
    other = desk.folder / "other"
    other.mkdir()
    for name in ("wave", "Wave_0", "wave_skeleton"):
        save_pose_file(other / f"{name}.json", [People((person(CANVAS, seed=5),), person(CANVAS).canvas)])
    targets = [desk.folder / "wave.json", *sorted(other.iterdir())]
    assert main(desk.arguments(target_pose=targets)) == 0
    assert len({name.lower() for name in desk.written()}) == 8


def test_the_picture_that_is_read_is_never_written_over(desk, capsys):
    before = (desk.folder / "source.png").read_bytes()
    arguments = desk.arguments(target_pose=desk.folder / "source.json", out=desk.folder)
    assert "choose another --out" in refused(capsys, arguments)
    assert "choose another" in refused(capsys, desk.arguments(attention=desk.folder / "source.png"))
    assert (desk.folder / "source.png").read_bytes() == before


def test_attention_writes_a_picture_of_where_the_network_looked(desk, capsys):
    attention = desk.out / "deep" / "looked.png"
    targets = [desk.folder / "walk.json", desk.folder / "wave.json"]
    assert main(desk.arguments(target_pose=targets, attention=attention)) == 0
    assert size_of(attention) == (4 * 384 + 18, 512)
    assert str(attention) in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed",
    [
        {"framing": "stretch"},
        {"framing": "fit"},
        {"size": "48x64"},
        {"precision": "bf16"},
        {"person": 0},
        {"device": "auto"},
    ],
)
def test_the_options_of_transfer_work(desk, changed):
    assert main(desk.arguments(**changed)) == 0
    assert size_of(desk.out / "wave.png") == CANVAS


def test_size_is_width_by_height(desk):
    assert main(desk.arguments(size="64x32", attention=desk.out / "attention.png")) == 0
    assert size_of(desk.out / "attention.png") == (4 * 1024 + 18, 512)


def test_the_person_can_be_chosen_and_is_the_largest_otherwise(desk):
    small, large = person(CANVAS, (5, 40, 30, 70)), person(CANVAS, (50, 20, 60, 120))
    target = desk.save("two", small, large)
    chosen = {}
    for number in (None, 0, 1):
        desk.out = desk.out.parent / f"out_{number}"
        source = desk.save("two_source", small, large)
        assert main(desk.arguments(target_pose=target, source_pose=source, person=number)) == 0
        chosen[number] = np.asarray(Image.open(desk.out / "two_skeleton.png"))
    np.testing.assert_array_equal(chosen[None], chosen[1])
    assert (chosen[0] != chosen[1]).any()


@pytest.mark.parametrize("command", ["transfer", "detect"])
def test_a_link_that_goes_round_in_circles_is_bad_input(desk, capsys, command):
    loop = desk.folder / "loop.png"
    if not loop.is_symlink():
        loop.symlink_to(loop.name)
    words = desk.arguments(image=loop) if command == "transfer" else ["detect", str(loop), "--out", str(desk.out)]
    assert main(words) == 2
    assert f"{loop} cannot be read: Too many" in capsys.readouterr().err


def test_joints_of_pose_files_below_the_threshold_are_left_out_where_one_is_given(desk):
    pose = person(CANVAS, sway=0.1, seed=1)
    unsure = Pose(pose.keypoints, np.where(np.arange(18) < 16, 0.9, 0.04), pose.canvas)
    known = Pose(pose.keypoints, np.where(np.arange(18) < 16, 0.9, 0.0), pose.canvas)
    drawn = {}
    for name, target, threshold in (("all", unsure, None), ("sure", unsure, 0.3), ("known", known, None)):
        desk.out = desk.out.parent / f"out_{name}"
        assert main(desk.arguments(target_pose=desk.save("scored", target), threshold=threshold)) == 0
        drawn[name] = np.asarray(Image.open(desk.out / "scored_skeleton.png"))
    np.testing.assert_array_equal(drawn["sure"], drawn["known"])
    assert (drawn["all"] != drawn["sure"]).any()


def test_a_target_whose_every_joint_is_below_the_threshold_is_refused_by_name(desk, capsys):
    pose = person(CANVAS)
    desk.save("scored", Pose(pose.keypoints, pose.confidence * 0.2, pose.canvas))
    assert main(desk.arguments(target_pose=desk.folder / "scored.json", threshold=0.5)) == 2
    assert "scored.json" in capsys.readouterr().err


def test_pose_files_without_a_canvas_belong_to_the_picture(desk):
    # As OpenPose itself writes them: no canvas, and the person not near the lower right corner.
    pose = person(CANVAS, (20, 15, 50, 100))
    flat = np.column_stack([pose.keypoints, pose.confidence])
    shares = flat / (*CANVAS, 1)
    drawn = []
    for name, points in (("pixels", flat), ("shares", shares)):
        path = desk.folder / f"{name}.json"
        path.write_text(json.dumps({"people": [{"pose_keypoints_2d": points.ravel().tolist()}]}))
        assert main(desk.arguments(source_pose=path, target_pose=path)) == 0
        drawn.append(read_image(desk.out / f"{name}.png"))
    stated = desk.save("stated", pose)
    assert main(desk.arguments(source_pose=stated, target_pose=stated)) == 0
    for found in drawn:
        torch.testing.assert_close(found, read_image(desk.out / "stated.png"), atol=0.02, rtol=0)


def test_pictures_of_unusual_kinds_go_through_the_whole_command(desk):
    for mode, name in (
        ("L", "grey.png"),
        ("RGBA", "clear.png"),
        ("I;16", "deep.png"),
        ("P", "few.gif"),
        ("CMYK", "ink.tif"),
    ):
        Image.new(mode, CANVAS).save(desk.folder / name)
        assert main(desk.arguments(image=desk.folder / name)) == 0


# Bad input


def bad_inputs(desk: Desk) -> dict[str, tuple[list[object], str]]:
    folder = desk.folder
    mixed = desk.save("mixed", person(CANVAS))
    mixed.write_text(json.dumps([*json.loads(mixed.read_text()), {"people": []}]))
    (folder / "empty_list.json").write_text("[]")
    return {
        "missing image": (desk.arguments(image=folder / "no.png"), "no.png: no such file"),
        "image is text": (desk.arguments(image=folder / "text.png"), "text.png is not an image"),
        "missing source pose": (desk.arguments(source_pose=folder / "no.json"), "no pose file at"),
        "missing target pose": (desk.arguments(target_pose=folder / "no.json"), "no pose file at"),
        "pose is an image": (desk.arguments(target_pose=folder / "source.png"), "is not UTF-8 text"),
        "pose is no json": (desk.arguments(target_pose=folder / "text.png"), "is not JSON"),
        "pose is a folder": (desk.arguments(target_pose=folder), "is a folder"),
        "source pose without a person": (desk.arguments(source_pose=folder / "nobody.json"), "there is no person"),
        "target pose without a person": (desk.arguments(target_pose=folder / "nobody.json"), "there is no person"),
        "a frame without a person": (desk.arguments(target_pose=mixed), "mixed.json, image 1: there is no person"),
        "pose file without an image": (
            desk.arguments(target_pose=folder / "empty_list.json"),
            "expected at least one pose in",
        ),
        "wrong person": (desk.arguments(person=3), "there is no person 3: this image has 1, counted from 0"),
        "negative person": (desk.arguments(person=-1), "there is no person -1"),
        "person is no number": (desk.arguments(person="Ann"), "invalid int value: 'Ann'"),
        "pose of another shape": (
            desk.arguments(source_pose=folder / "walk.json"),
            "with the proportions of the image",
        ),
        "unknown model": (desk.arguments(model=folder / "no.safetensors"), "there is no such file"),
        "model is an image": (desk.arguments(model=folder / "source.png"), "neither a .safetensors"),
        "out is a file": (desk.arguments(out=folder / "file"), "cannot be written"),
        "attention without a format": (desk.arguments(attention=folder / "looked"), "names no format"),
        "size not of tokens": (desk.arguments(size="97x128"), "multiples of 8, at least 16, got 97x128"),
        "size is nonsense": (desk.arguments(size="large"), "expected WIDTHxHEIGHT, such as 96x128, got 'large'"),
        "size is nothing": (desk.arguments(size="0x64"), "expected WIDTHxHEIGHT, such as 96x128, got '0x64'"),
        "size is enormous": (desk.arguments(size="99992x99992"), "sides of at most 2048 pixels, got"),
        "unknown device": (desk.arguments(device="toaster"), "try --device cpu"),
        "a device without numbers": (desk.arguments(device="meta"), "try --device cpu"),
        "unknown precision": (desk.arguments(precision="fp8"), "invalid choice: 'fp8'"),
        "fp16 on a cpu": (desk.arguments(precision="fp16"), "expected precision bf16 or fp32 on a CPU"),
        "unknown framing": (desk.arguments(framing="crop"), "invalid choice: 'crop'"),
        "no source pose": (
            desk.arguments(image=folder / "lonely.png", source_pose=None),
            "name a pose with --source-pose",
        ),
        "two images and one pose": (
            desk.arguments(image=[desk.folder / "source.png"] * 2),
            "in the same order, got 1 for 2",
        ),
        "a folder without images": (desk.arguments(image=desk.empty, source_pose=None), "holds no images"),
        "unknown option": (desk.arguments("--quality", 9), "unrecognized arguments"),
        "convert to another suffix": (["convert", desk.model, folder / "m.pth"], "use m.safetensors"),
        "convert to no name": (["convert", desk.model, ""], "expected a .safetensors file to write, got ."),
        "convert from nothing": (["convert", folder / "no.pth", folder / "m.safetensors"], "no such file"),
        "convert into nowhere": (["convert", desk.model, folder / "no" / "m.safetensors"], "does not exist"),
        "convert to fp8": (["convert", desk.model, folder / "m.safetensors", "--dtype", "fp8"], "invalid choice"),
        "figures too small": (["figures", "--size", "8x8", "--pairs", 1], "at least 16 x 16"),
        "figures too many digits": (["figures", "--seed", 10**30], "expected a whole number from 0"),
        "figures below nothing": (["figures", "--first", "-5"], "expected a whole number from 0"),
        "no figures": (["figures", "--pairs", 0], "expected a whole number above 0"),
        "figures of no format": (
            ["figures", "--size", "16x16", "--pairs", 1, "--out", desk.out / "f.xyz"],
            "'.xyz' names no format; use .png",
        ),
        "demo into a file": (["demo", "--model", desk.model, "--out", folder / "file"], "cannot be written"),
        "demo without its model": (["demo", "--model", folder / "no.pth"], "no such file"),
        "evaluate an image": (["evaluate", "--model", folder / "source.png"], "neither a .safetensors"),
        "train without a config": (["train", "--config", folder / "no.toml", "--out", desk.out], "no.toml"),
        "bench on a toaster": (["bench", "--device", "toaster"], "try --device cpu"),
        "bench into a file": (["bench", "--out", folder / "file" / "numbers.json"], "cannot be written"),
    }


def test_bad_input_ends_in_one_readable_line_and_exit_code_2(desk, capsys):
    cases = bad_inputs(desk)
    before = sorted(desk.folder.iterdir())
    for name, (arguments, message) in cases.items():
        line = refused(capsys, arguments)
        assert message in line, name
        assert not desk.out.exists() or not [file for file in desk.written() if ".part" in file], name
    assert sorted(desk.folder.iterdir()) == before
    assert not any(Path.cwd().iterdir())


def test_half_written_pictures_are_not_left_when_the_disk_is_full(desk, capsys, monkeypatch):
    def full(self, fp, *args, **kwargs):
        Path(fp).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert "No space left" in refused(capsys, desk.arguments())
    assert desk.written() == []


def test_a_command_that_is_interrupted_says_so_and_nothing_else(desk, capsys, monkeypatch):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(convert, "run", interrupt)
    assert main(["convert", "a", "b"]) == 130
    assert capsys.readouterr().err == "dptn convert: interrupted\n"


def test_a_fault_of_the_program_keeps_its_traceback(desk, monkeypatch):
    def fault(options):
        raise ZeroDivisionError

    monkeypatch.setattr(convert, "run", fault)
    with pytest.raises(ZeroDivisionError):
        main(["convert", "a", "b"])


def test_a_package_that_only_training_needs_is_named_with_the_way_to_get_it(desk, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    line = refused(capsys, ["evaluate", "--model", desk.model])
    assert line == "dptn evaluate: tqdm is not installed; pip install 'dptn-pose-transfer[train]'"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["--version"]])
def test_an_unknown_command_names_the_known_ones_or_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    assert stop.value.code == 2 and said.out == ""
    assert said.err.startswith("usage: dptn") and "Traceback" not in said.err


# Other commands


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)]
)
def test_convert_writes_a_model_in_the_wanted_format(desk, capsys, name, dtype):
    target = desk.out.parent / f"{name}.safetensors"
    assert main(["convert", str(desk.model), str(target), "--dtype", name]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"wrote {target} (") and name in said.out and said.err == ""
    dtypes = {tensor.dtype for tensor in load_file(target).values()}
    assert dtypes == {dtype, torch.float32}  # norms stay fp32
    assert load_model(target).metadata == load_model(desk.model).metadata
    assert main(desk.arguments(model=target)) == 0
    assert size_of(desk.out / "wave.png") == CANVAS


def test_convert_reads_a_state_dict_saved_by_torch(desk):
    torch.save({"state_dict": tiny_model().generator.state_dict()}, desk.out.parent / "weights.pth")
    target = desk.out.parent / "model.safetensors"
    assert main(["convert", str(desk.out.parent / "weights.pth"), str(target)]) == 0
    assert main(desk.arguments(model=target, size="48x64")) == 0


def test_figures_draws_a_sheet_that_the_seed_decides(desk, capsys):
    sheets = []
    for number, seed in enumerate((5, 5, 6)):
        path = desk.out / f"sheet{number}.png"
        leave_half(path)
        assert main(["figures", "--pairs", "5", "--size", "24x32", "--seed", str(seed), "--out", str(path)]) == 0
        assert size_of(path) == (4 * 3 * 24, 2 * 32)
        sheets.append(path.read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]
    assert desk.written() == ["sheet0.png", "sheet1.png", "sheet2.png"], "what killed runs left is gone"
    assert capsys.readouterr().out.splitlines()[-1] == f"wrote {path}"


def test_figures_can_start_anywhere_in_its_endless_set(desk):
    def sheet(*options: str) -> np.ndarray:
        assert main(["figures", "--size", "24x32", "--out", str(desk.out / "f.png"), *options]) == 0
        return np.asarray(Image.open(desk.out / "f.png"))

    np.testing.assert_array_equal(sheet("--pairs", "3")[:, 72:144], sheet("--pairs", "1", "--first", "1")[:, :72])


def test_heights_and_masks_of_a_transfer(desk, capsys):
    for part in ("", "_skeleton", "_person", "_invented"):
        leave_half(desk.out / f"wave{part}.png")
    assert main(desk.arguments("--height", 60, "--masks")) == 0
    assert len(desk.written()) == 4, "what a killed run left is gone"
    width = round(CANVAS[0] * 60 / CANVAS[1])
    for part in ("", "_person", "_invented"):
        assert size_of(desk.out / f"wave{part}.png") == (width, 60)
    capsys.readouterr()
    assert "needs --texture full" in refused(capsys, desk.arguments("--masks", "--texture", "network"))
    assert "expected --height of at most 8192 pixels, got 9000" in refused(capsys, desk.arguments("--height", 9000))


def test_the_demo_writes_every_picture_that_it_names_and_all_that_ship(desk, capsys):
    arguments = ["demo", "--model", desk.model, "--out", desk.out, "--device", "cpu", "--precision", "fp32"]
    for name in ("figure_wave", "figure_wave_skeleton", "photograph_strip", "photograph_attention"):
        leave_half(desk.out / f"{name}.png")
    assert main([str(argument) for argument in arguments]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    named = [Path(word) for line in said.out.splitlines() for word in line.split() if word.endswith(".png")]
    assert len(named) == 4 and all(path.is_file() for path in named)
    for name, image in (("figure", samples.FIGURE), ("photograph", samples.STUDIO)):
        size = size_of(image)
        for path in samples.FIGURE_TARGETS:
            drawn, skeleton = (desk.out / f"{name}_{path.stem}{part}.png" for part in ("", "_skeleton"))
            assert size_of(drawn) == size_of(skeleton) == size
        assert size_of(desk.out / f"{name}_strip.png") == (size[0] * (1 + 2 * len(samples.FIGURE_TARGETS)), size[1])
    assert len(desk.written()) == 4 * len(samples.FIGURE_TARGETS) + 4


# Help, and what is imported for it


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"usage: dptn {command}")
    first_words = said.out.split("\n\n")[1]
    assert len(first_words) > 30  # what the command is for, in a sentence
    options = said.out.partition("options:\n")[2]
    for line in options.splitlines():
        if line.startswith("  --") and "  " not in line.strip():
            following = options.splitlines()[options.splitlines().index(line) + 1]
            assert following.startswith(" " * 20), f"{line.strip()} is not explained"


def test_help_lists_every_command_with_a_line_about_it(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for command in COMMANDS:
        assert any(line.split()[:1] == [command] and len(line.split()) > 3 for line in said.splitlines())
    assert "dptn COMMAND --help" in said


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)


HEAVY = ("torch", "torchvision", "torchmetrics", "safetensors", "PIL", "tqdm")


def test_help_and_light_parts_import_nothing_heavy():
    found = python(
        "-c",
        "import sys, contextlib, io\n"
        "import dptn_core, dptn_core.pose, dptn_core.cli\n"
        f"for command in ['', *{COMMANDS!r}]:\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as said:\n"
        "        try: dptn_core.cli.main([*filter(None, [command]), '--help'])\n"
        "        except SystemExit as stop: assert stop.code == 0 and 'usage' in said.getvalue()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])",
    )
    assert found.stderr == "" and found.stdout.strip() == "[]"


def test_the_module_runs_a_transfer_as_a_program(desk):
    # Started in the repository, as the package need not be installed for the tests.
    found = python("-m", "dptn_core.cli", *desk.arguments())
    assert (found.returncode, found.stderr) == (0, "")
    assert desk.written() == ["wave.png", "wave_skeleton.png"]


def test_the_module_refuses_bad_input_as_a_program(desk):
    found = python("-m", "dptn_core.cli", *desk.arguments(image=desk.folder / "no.png"))
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"dptn transfer: {desk.folder / 'no.png'}: no such file\n"


def test_bad_ones_among_many_pictures_are_passed_over_named_and_counted(desk, tmp_path, capsys):
    people = tmp_path / "people"
    people.mkdir()
    pose = (desk.folder / "source.json").read_bytes()
    for name in ("a", "b", "c", "d", "e"):
        write_image(people / f"{name}.png", smooth_image(*CANVAS))
        if name != "d":
            (people / f"{name}.json").write_bytes(pose)
    (people / "b.png").write_bytes((people / "a.png").read_bytes()[:200])
    (people / "c.json").write_text("{broken")
    assert main(desk.arguments(image=people, source_pose=None)) == 2
    assert desk.written() == [f"{name}/wave{part}.png" for name in "ae" for part in ("", "_skeleton")]
    *passed, last = capsys.readouterr().err.splitlines()
    assert last == "dptn transfer: 3 of the 5 images were skipped, for the reasons above"
    assert ["b.png" in passed[0], "c.json" in passed[1], "d.png has no pose file" in passed[2]] == [True] * 3
    # a disk that cannot be written would fail for all
    (tmp_path / "file").write_text("")
    line = refused(capsys, desk.arguments(image=people, source_pose=None, out=tmp_path / "file"))
    assert "cannot be written" in line
