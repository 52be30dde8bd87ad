"""Any image in: every mode, depth and layout, and words for everything that is none."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dptn_core import image_io
from dptn_core.image_io import ImageError, read_image, to_bytes, to_image, write_image

RED, WHITE = (1.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def pixel(image: torch.Tensor, x: int, y: int) -> tuple[float, ...]:
    return tuple(round(float(v), 4) for v in image[:, y, x])


def checked(image: torch.Tensor, width: int, height: int) -> torch.Tensor:
    assert image.shape == (3, height, width)
    assert image.dtype == torch.float32
    assert image.min() >= 0 and image.max() <= 1
    return image


def png(path: Path, width: int, height: int, depth: int, colour_type: int, rows: list[bytes]) -> Path:
    """A PNG of a kind that Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


# Modes


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 51, (0.2, 0.2, 0.2)),
        ("LA", (51, 255), (0.2, 0.2, 0.2)),
        ("LA", (51, 0), WHITE),
        ("La", (51, 255), (0.2, 0.2, 0.2)),
        ("La", (0, 0), WHITE),
        ("RGB", (255, 0, 0), RED),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 102), (1.0, 0.6, 0.6)),
        ("RGBa", (255, 0, 0, 255), RED),
        ("RGBa", (0, 0, 0, 0), WHITE),
        ("RGBX", (255, 0, 0, 0), RED),
        ("CMYK", (0, 255, 255, 0), RED),
        ("HSV", (0, 255, 255), RED),
        ("YCbCr", (255, 128, 128), WHITE),
        ("I", 13107, (0.2, 0.2, 0.2)),
        ("I", 1_000_000, WHITE),
        ("I", -5, (0.0, 0.0, 0.0)),
        ("F", 0.2, (0.2, 0.2, 0.2)),
        ("F", 51.0, (0.2, 0.2, 0.2)),
        ("I;16", 13107, (0.2, 0.2, 0.2)),
        ("I;16B", 13107, (0.2, 0.2, 0.2)),
    ],
)
def test_every_mode_of_pillow_becomes_rgb_between_0_and_1(mode, value, expected):
    shown = checked(to_image(Image.new(mode, (4, 3), value)), 4, 3)
    assert pixel(shown, 2, 1) == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("transparency", [None, 0, b"\0\xff"])
def test_a_palette_with_and_without_transparency_is_read_in_its_colours(tmp_path, transparency):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    options = {} if transparency is None else {"transparency": transparency}
    shown = checked(read_image(saved(tmp_path / "p.png", image, **options)), 2, 1)
    assert pixel(shown, 0, 0) == (RED if transparency is None else WHITE)
    assert pixel(shown, 1, 0) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("mode", "clear", "left", "right"), [("L", 9, 9, 200), ("RGB", (9, 9, 9), (9,) * 3, (200,) * 3)]
)
def test_one_transparent_colour_of_a_png_becomes_white(tmp_path, mode, clear, left, right):
    image = Image.new(mode, (2, 1), left)
    image.putpixel((1, 0), right)
    shown = read_image(saved(tmp_path / "t.png", image, transparency=clear))
    assert pixel(shown, 0, 0) == WHITE
    assert pixel(shown, 1, 0) == pytest.approx((200 / 255,) * 3, abs=1e-4)


def test_grey_pngs_of_16_bits_keep_their_16_bits(tmp_path):
    values = np.array([[0, 1, 257, 32768, 65535]], dtype=np.uint16)
    shown = checked(read_image(saved(tmp_path / "deep.png", Image.fromarray(values))), 5, 1)
    assert torch.equal(shown[0], shown[1]) and torch.equal(shown[0], shown[2])
    np.testing.assert_allclose(shown[0].numpy(), values / 65535, atol=1e-6)


def test_colour_pngs_of_16_bits_are_read_in_their_colours(tmp_path):
    row = struct.pack(">6H", 65535, 0, 0, 13107, 26214, 65535)
    shown = checked(read_image(png(tmp_path / "deep.png", 2, 1, 16, 2, [row])), 2, 1)
    assert pixel(shown, 0, 0) == RED
    assert pixel(shown, 1, 0) == pytest.approx((0.2, 0.4, 1.0), abs=0.003)


def test_transparent_pngs_of_16_bits_lie_on_white(tmp_path):
    row = struct.pack(">8H", 65535, 0, 0, 0, 65535, 0, 0, 65535)
    shown = checked(read_image(png(tmp_path / "deep.png", 2, 1, 16, 6, [row])), 2, 1)
    assert [pixel(shown, x, 0) for x in (0, 1)] == [WHITE, RED]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif", ".gif", ".ppm", ".tga"])
def test_the_usual_formats_are_read(tmp_path, suffix):
    shown = checked(read_image(saved(tmp_path / f"a{suffix}", Image.new("RGB", (16, 8), (255, 0, 0)))), 16, 8)
    assert pixel(shown, 5, 5) == pytest.approx(RED, abs=0.02)


def test_the_suffix_does_not_decide_what_a_file_is(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    Image.new("RGB", (3, 2), (255, 0, 0)).save(path, format="PNG")
    assert pixel(checked(read_image(path), 3, 2), 1, 1) == RED


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (3, 2)), (6, (2, 0)), (8, (0, 3)), (2, (3, 0))])
def test_photographs_are_turned_as_their_camera_was_held(tmp_path, orientation, corner):
    image = Image.new("RGB", (4, 3), (0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = read_image(saved(tmp_path / "turned.png", image, exif=exif))
    checked(shown, *((3, 4) if orientation in (6, 8) else (4, 3)))
    assert pixel(shown, *corner) == RED


def test_an_animation_gives_its_first_picture(tmp_path):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    path = saved(tmp_path / "moving.gif", frames[0], save_all=True, append_images=frames[1:])
    with Image.open(path) as opened:
        assert opened.n_frames == 3
    assert pixel(checked(read_image(path), 6, 4), 3, 2) == RED


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5), (5000, 1), (16, 4000), (9000, 20)])
def test_single_pixels_lines_and_panoramas_are_pictures(tmp_path, width, height):
    path = saved(tmp_path / "long.png", Image.new("RGB", (width, height), (255, 0, 0)))
    assert pixel(checked(read_image(path), width, height), width - 1, height - 1) == RED


# What is no image


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(ImageError, match=r"nobody\.png: no such file"):
        read_image(tmp_path / "nobody.png")


@pytest.mark.parametrize(
    "contents", [b"", b"just text\n", b"{}", b"\x89PNG\r\n\x1a\n", b"\0" * 100, np.random.default_rng(0).bytes(64)]
)
def test_files_that_are_no_pictures_are_named(tmp_path, contents):
    path = tmp_path / "odd.png"
    path.write_bytes(contents)
    with pytest.raises(ImageError, match=r"odd\.png (is not an image|cannot be read)"):
        read_image(path)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ImageError, match=r"cannot be read: .*; name an image that can be") as caught:
        read_image(tmp_path)
    assert str(caught.value).count(str(tmp_path)) == 1


def test_a_path_below_a_file_and_an_impossible_name_are_errors_in_words(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for path in (file / "picture.png", tmp_path / ("x" * 5000), Path("nul\0.png")):
        with pytest.raises(ImageError):
            read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".tif", ".bmp", ".avif", ".dds"])
def test_truncated_and_damaged_files_are_read_or_refused_in_words(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    path = tmp_path / f"whole{suffix}"
    try:
        Image.fromarray(noise).save(path)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"this Pillow does not write {suffix}")
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole[: random.integers(1, len(whole))] if random.random() < 0.5 else whole)
        for place in random.exponential(60, random.integers(1, 5)).astype(int):
            damaged[min(place, len(damaged) - 1)] = random.integers(256)
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_image(path)
            except ImageError as error:
                assert path.name in str(error)
                refused += 1
    assert refused > 10


def test_a_truncated_picture_is_not_silently_half_a_picture(tmp_path):
    path = saved(tmp_path / "half.png", Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)))
    path.write_bytes(path.read_bytes()[:2000])
    expected = r"half\.png cannot be read: .*; it is damaged: download it again, or leave it out"
    with pytest.raises(ImageError, match=expected):
        read_image(path)


def test_pictures_with_too_large_sides_are_refused_with_the_limit(tmp_path, monkeypatch):
    path = saved(tmp_path / "wide.png", Image.new("1", (image_io.MAX_SIDE + 1, 1)))
    with pytest.raises(ImageError, match=r"16385x1; .* sides of up to 16384 are read\. Scale it down"):
        read_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8)
    with pytest.raises(ImageError, match=r"bomb\.png is far too large; .*Scale it down"):
        read_image(saved(tmp_path / "bomb.png", Image.new("RGB", (5, 5))))


# Arrays and tensors


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, ">u2", np.float16, np.float32, np.float64, np.bool_])
def test_arrays_of_every_layout_and_depth_are_pictures(channels, kind):
    shape = (3, 5) if channels is None else (3, 5, channels)
    top = np.iinfo(kind).max if np.dtype(kind).kind == "u" else 1
    image = checked(to_image(np.full(shape, top).astype(kind)), 5, 3)
    assert pixel(image, 0, 0) == WHITE
    if channels != 4:  # there it means transparent, which is white as well
        assert float(to_image(np.zeros(shape, kind)).max()) == 0


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_of_every_float_are_pictures(kind):
    image = torch.full((2, 4, 3), 0.25, dtype=kind, requires_grad=True)
    assert pixel(checked(to_image(image), 4, 2), 1, 1) == (0.25, 0.25, 0.25)


def test_tensors_of_bytes_and_in_strange_memory_layouts_are_pictures():
    image = to_image(torch.full((3, 4, 2), 51, dtype=torch.uint8).permute(1, 2, 0))
    assert pixel(checked(image, 2, 4), 1, 1) == pytest.approx((0.2,) * 3)
    assert pixel(to_image(np.ones((4, 6, 3))[::-1, ::-2]), 0, 0) == WHITE


def test_what_overshoots_a_little_is_clipped_and_what_was_given_stays_as_it_was():
    given = np.array([[[-0.1, 0.5, 1.2]]], dtype=np.float32)
    assert pixel(to_image(given), 0, 0) == (0.0, 0.5, 1.0)
    assert given.max() > 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(bad):
    image = np.zeros((4, 4, 3), np.float32)
    image[1, 2, 0] = bad
    for one in (image, torch.from_numpy(image), Image.fromarray(image[..., 0])):
        with pytest.raises(ImageError, match="NaN or infinite"):
            to_image(one)


@pytest.mark.parametrize(
    "shape", [(), (3,), (0, 4, 3), (4, 0, 3), (4, 4, 0), (4, 4, 2), (4, 4, 5), (3, 8, 8), (1, 4, 4, 3)]
)
def test_other_layouts_are_refused_with_the_shape_that_was_found(shape):
    with pytest.raises(ImageError, match=r"not \(") as caught:
        to_image(np.zeros(shape, np.float32))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("kind", [np.int16, np.int64, np.uint32, np.complex64, object, "U1"])
def test_numbers_whose_white_nobody_knows_are_refused_not_drawn_black(kind):
    with pytest.raises(ImageError, match="uint8, uint16 or floats"):
        to_image(np.zeros((4, 4, 3)).astype(kind))


# Out


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".jpg", ".webp", ".tiff"])
def test_a_written_picture_is_read_back(tmp_path, suffix):
    x, y = torch.meshgrid(torch.linspace(0, 1, 12), torch.linspace(0, 1, 8), indexing="xy")
    image = torch.stack([x, y, x * y])
    path = tmp_path / "new" / "folders" / f"out{suffix}"
    write_image(path, image)
    loss = 0.15 if suffix in (".jpg", ".webp") else 0.5 / 255 + 1e-6
    assert (read_image(path) - image).abs().max() <= loss
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_bytes_are_rounded_and_clipped():
    values = torch.tensor([-1.0, 0.0, 0.499 / 255, 0.501 / 255, 1.0, 9.0]).view(1, 1, 6).expand(3, 1, 6)
    assert to_bytes(values)[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_bytes_are_written_as_they_are(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", array)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), array)


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.psd", ".png", "out.safetensors"])
def test_a_suffix_that_names_no_format_is_refused_and_nothing_is_left(tmp_path, name):
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(tmp_path / "folder" / name, torch.zeros(3, 4, 4))
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ImageError, match=r"file.out\.png cannot be written"):
        write_image(tmp_path / "file" / "out.png", torch.zeros(3, 4, 4))
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(ImageError, match=r"taken\.png cannot be written"):
        write_image(tmp_path / "taken.png", torch.zeros(3, 4, 4))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "taken.png"]


def test_a_write_that_fails_half_way_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "out.png"
    write_image(path, torch.zeros(3, 4, 4))
    before = path.read_bytes()

    def full_disk(self, fp, *args, **kwargs):
        Path(fp).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(ImageError, match="No space left"):
        write_image(path, torch.ones(3, 4, 4))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]


def test_an_interrupted_write_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    def interrupted(self, fp, *args, **kwargs):
        Path(fp).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "out.png", torch.ones(3, 4, 4))
    assert not any(tmp_path.iterdir())
