"""Memory follows the number of pixels, not the shape of an image or what its file looks like."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.nn import functional

from dptn_core.detection import crops
from dptn_core.image_io import ImageError, read_image, resize, to_image
from dptn_core.inference.box import Box, cut_box, spread_box
from dptn_core.pose import PoseFormatError, load_pose_file
from dptn_core.pose.json_files import MAX_FILE_BYTES

MEGABYTE = 2**20
SIDE = 4000
FLOATS = 12 * SIDE * SIDE  # bytes of an image as everything here works with it
needs_proc = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured on Linux")

# A process that imports once what is measured, and is forked for each measurement: the peak is the fork's alone.
MEASURING = """
import json, os, sys
from pathlib import Path
import torch
from dptn_core.image_io import read_image, to_image
from dptn_core.inference.carrier_file import load_carrier
from dptn_core.inference.framing import frame_person
from dptn_core.inference.source_texture import encode_texture
from dptn_core.inference.texture import composer
from dptn_core.inference.transfer import encode_source, transfer
from dptn_core.pose import Canvas, standing_pose
from dptn_core.segmentation import load_segmenter, person_mask
from transfer_fixture import tiny_model
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
for line in sys.stdin:
    before, code, sys.argv = json.loads(line)
    if os.fork() == 0:
        exec(before)
        Path("/proc/self/clear_refs").write_text("5")
        start = peak()
        exec(code)
        print(peak() - start, flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit("a measurement failed")
"""


@pytest.fixture(scope="module")
def bytes_of() -> Iterator[Callable[..., int]]:
    """Bytes by which `code` raises the peak of a process of its own; it finds the arguments in sys.argv."""
    command = [sys.executable, "-W", "ignore", "-c", MEASURING]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as running:
        assert running.stdin is not None and running.stdout is not None
        asked, answered = running.stdin, running.stdout

        def measured(code: str, *arguments: object, before: str) -> int:
            asked.write(json.dumps([before, code, ["", *map(str, arguments)]]) + "\n")
            asked.flush()
            return int(answered.readline())

        yield measured
        asked.close()


def write_deep(path: Path) -> None:
    """A PNG of 16-bit red, green, blue and alpha, which Pillow does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(1)
    row = b"\0" + bytes(range(8)) * SIDE
    pixels = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 6, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


@needs_proc
@pytest.mark.parametrize("kind", ["L", "RGB", "P", "RGBA of 16 bits"])
def test_reading_an_image_takes_half_as_much_again_as_the_image(
    bytes_of: Callable[..., int], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "image.png"
    if kind == "RGBA of 16 bits":
        write_deep(path)
    else:
        Image.new(kind, (SIDE, SIDE), 5).save(path)
    small = tmp_path / "small.png"
    Image.new("RGB", (8, 8)).save(small)
    used = bytes_of("image = read_image(Path(sys.argv[1]))", path, small, before="read_image(Path(sys.argv[2]))")
    assert used < 1.5 * FLOATS + 16 * MEGABYTE, f"{used / FLOATS:.2f} times the image"


@needs_proc
@pytest.mark.parametrize(("width", "height"), [(6000, 16), (16, 6000), (512, 384)])
def test_a_frame_costs_what_canvas_and_network_do_however_far_it_reaches(
    bytes_of: Callable[..., int], width: int, height: int
) -> None:
    before = """
def both(width, height):
    canvas = Canvas(width, height)
    frame = frame_person(standing_pose(Canvas(384, 512)).rescaled(canvas), (256, 192), "fit")
    image = torch.rand(3, height, width)
    return frame.paste(frame.cut(image), image)
both(256, 256)
"""
    # the least of three: the allocator keeps more or less of what was freed, as it comes
    used = min(bytes_of("found = both(*map(int, sys.argv[1:]))", width, height, before=before) for _ in range(3))
    assert used < 4 * 12 * width * height + 64 * MEGABYTE, f"{used / MEGABYTE:.0f} MB"


TRANSFERRED = """
model, carrier, segmenter = tiny_model(), load_carrier(), load_segmenter()
def whole(width, height):
    images = torch.rand(16, 16, 3).repeat(height // 16, width // 16, 1)
    pose = standing_pose(Canvas(384, 512)).rescaled(Canvas(width, height))
    source = encode_source(model, to_image(images), pose)
    texture = encode_texture(carrier, source, person_mask(segmenter, source.image, pose))
    raised = pose.transformed((1.0, 1.0), (0.02 * width, 0.0), pose.canvas)
    return images, texture, transfer(source, [raised], compose=composer(carrier, texture))
whole(512, 512)
"""


@needs_proc
@pytest.mark.parametrize(("width", "height"), [(2400, 2400), (6000, 16), (16, 6000)])
def test_a_whole_transfer_takes_four_times_the_image(bytes_of: Callable[..., int], width: int, height: int) -> None:
    used = bytes_of("kept = whole(*map(int, sys.argv[1:]))", width, height, before=TRANSFERRED)
    network = 96 * MEGABYTE
    assert used < 4 * 12 * width * height + network, f"{used / MEGABYTE:.0f} MB"


def test_a_tensor_that_is_an_image_already_is_not_copied() -> None:
    image = torch.rand(5, 4, 3)
    assert to_image(image).data_ptr() == image.data_ptr()
    assert torch.equal(to_image(image), image.permute(2, 0, 1))
    for other in (image - 0.5, image + 0.5):
        assert to_image(other).data_ptr() != other.data_ptr()
        assert torch.equal(to_image(other), other.clamp(0, 1).permute(2, 0, 1))


@pytest.mark.parametrize("side", [20, 90])
def test_a_square_is_cut_as_if_it_were_whole(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "_BAND", 300)
    image = torch.rand(3, 40, 70, generator=torch.Generator().manual_seed(0))
    square = crops.Square(-7, 12, side)
    right, bottom = square.left + side - 70, square.top + side - 40
    whole = functional.pad(image, (7, right, -12, bottom))
    assert torch.allclose(crops.cut(image, square, 32), crops.shrunk(whole, (32, 32)), atol=1e-5)


def test_a_pose_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "pose.json"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(PoseFormatError, match="expected at most 64 MB; split the sequence"):
        load_pose_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_devices_and_pipes_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(PoseFormatError, match="it is a device or a pipe"):
            load_pose_file(path)
        with pytest.raises(ImageError, match="it is a device or a pipe"):
            read_image(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_box_is_cut_and_put_back_as_if_it_were_whole(channels: int) -> None:
    image = torch.rand(channels, 90, 70, generator=torch.Generator().manual_seed(0))
    box = Box(-20, 10, 200, 260)
    rows = torch.arange(box.top, box.bottom).clamp(0, 89)
    columns = torch.arange(box.left, box.right).clamp(0, 69)
    small = cut_box(image, box, (64, 48))
    assert torch.equal(small, resize(image[:, rows][:, :, columns], (64, 48)))
    whole = resize(small, (box.height, box.width))
    back = whole[:, (torch.arange(90) - 10).clamp(0, 259)][:, :, (torch.arange(70) + 20).clamp(0, 199)]
    assert torch.allclose(spread_box(small, box, (90, 70)), back, atol=1e-6)
