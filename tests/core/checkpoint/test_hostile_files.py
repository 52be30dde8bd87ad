"""Files made to stop, trick or exhaust whoever opens them: each is refused at once, in words, and runs nothing."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from dptn_core.checkpoint import CheckpointError, DPTNModel, load_model, save_model
from dptn_core.checkpoint.pickle_machine import PickleError, read_pickle
from dptn_core.checkpoint.weight_files import WeightFileError, read_weights
from dptn_core.network import Generator, GeneratorConfig

TINY = GeneratorConfig(pose_channels=2, base_features=4, down_steps=2, residual_blocks=1, context_blocks=1)


def tiny_weights() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return Generator(TINY).state_dict()


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message) < 1000
    message.encode()
    return message


@pytest.fixture
def no_torch_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever release of torch a host has, its loader is not used."""

    def load(*_: object, **__: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", load)


@pytest.mark.usefixtures("no_torch_load")
@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
def test_torch_files_are_read_without_torchs_loader(tmp_path: Path, modern: bool) -> None:
    weights = tiny_weights()
    torch.save(OrderedDict(weights), tmp_path / "a_net_G.pth", _use_new_zipfile_serialization=modern)
    loaded = load_model(tmp_path / "a_net_G.pth").generator.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())


@pytest.mark.usefixtures("no_torch_load")
@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
def test_whatever_shape_numbers_are_stored_in_they_come_out_the_same(tmp_path: Path, modern: bool) -> None:
    row = torch.arange(60.0).view(5, 12)
    tensors = {
        "whole": row,
        "shares": row[1:4],
        "turned": row.T,
        "every second": row[:, 1::2],
        "parameter": torch.nn.Parameter(row + 1),
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "none": torch.zeros(0, 4),
        "half": row.half(),
        "bfloat16": row.bfloat16(),
        "yes and no": row > 3,
        "counter": torch.tensor(2**40),
        "odd": torch.arange(3, dtype=torch.uint8),
        "after odd": row.double(),
        "expanded": torch.ones(1, 3).expand(4, 3),
    }
    torch.save(tensors, tmp_path / "a.pth", _use_new_zipfile_serialization=modern)
    found = read_weights(tmp_path / "a.pth", "anything")
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.detach()), name


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_eight_bit_floats_load_as_what_they_stand_for(tmp_path: Path, dtype: torch.dtype, suffix: str) -> None:
    weights = {
        name: tensor.to(dtype) if tensor.is_floating_point() and "norm" not in name else tensor
        for name, tensor in tiny_weights().items()
    }
    path = tmp_path / f"a_net_G{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    loaded = load_model(path).generator.state_dict()
    assert all(torch.equal(loaded[name], tensor.float()) for name, tensor in weights.items())


def test_a_tar_archive_is_refused_by_its_magic(tmp_path: Path) -> None:
    path = tmp_path / "a_net_G.pth"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        entry = tarfile.TarInfo("\x80storages")
        entry.size = 8
        archive.addfile(entry, io.BytesIO(bytes(8)))
    assert path.read_bytes().startswith(b"\x80")
    assert "tar archive" in refusal(path)


def test_an_old_tar_without_magic_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a_net_G.pth"
    path.write_bytes(b"\x80\x02pickle".ljust(10240, b"\0"))
    assert "cut short or damaged" in refusal(path)


def test_an_archive_packed_anew_is_named_as_such(tmp_path: Path) -> None:
    torch.save(tiny_weights(), tmp_path / "a.pth")
    path = tmp_path / "again.pth"
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert "packed anew with compression" in refusal(path)


def in_time(call: Callable[[], Any], seconds: float = 20) -> Any:
    """What a call returns that must not wait for ever."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert results, "it waits for ever"
    return results[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "pipe.safetensors"
    os.mkfifo(path)
    assert "device or a pipe" in in_time(lambda: refusal(path))


@pytest.mark.parametrize("name", ["a\0b.pth", "x" * 300 + ".pth", "file/below.pth", "\ud800.pth"])
def test_names_no_file_can_have_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot be opened|no such file"):
        load_model(tmp_path / name)


METADATA = {
    "a huge training size": ("training_size", "[1000000000, 1000000000]"),
    "a size no attention ends on": ("training_size", "[16384, 16384]"),
    "a long sigma": ("heatmap_sigma", "1" + "0" * 400),
    "an endless sigma": ("heatmap_sigma", "1e400"),
    "a number of 5,000 digits": ("heatmap_sigma", "1" * 5000),
    "a size of 5,000 digits": ("training_size", "[64, " + "1" * 4000 + "]"),
    "nested a thousand times": ("provenance", "[" * 100_000),
    "a long framing": ("framing", '"' + "x" * 100_000 + '"'),
    "a long provenance": ("provenance", '{"a": "' + "x" * 1_000_000 + '"}'),
    "a long version": ("format_version", "1" * 4000),
}


@pytest.mark.parametrize("what", METADATA)
def test_metadata_is_bounded(tmp_path: Path, what: str) -> None:
    name, text = METADATA[what]
    model = DPTNModel(Generator(TINY).eval(), (64, 32), 3.5, "fit", {})
    save_model(tmp_path / "a.safetensors", model)
    from safetensors import safe_open

    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        metadata = {**file.metadata(), f"dptn.{name}": text}
    save_file(model.generator.state_dict(), tmp_path / "b.safetensors", metadata=metadata)
    refusal(tmp_path / "b.safetensors")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_thousands_of_foreign_tensors_are_refused_at_once(tmp_path: Path, suffix: str) -> None:
    tensors = {f"layer.{n}.{'x' * 200}": torch.zeros(1) for n in range(3_000)}
    path = tmp_path / f"a{suffix}"
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    assert "3,000 tensors" in refusal(path)


def test_tensors_that_are_no_rows_of_numbers_are_refused_by_name(tmp_path: Path) -> None:
    weights = tiny_weights()
    name = next(iter(weights))
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    quantised = torch.quantize_per_tensor(torch.rand(4), 0.1, 0, torch.qint8)
    for tensor in (nested, quantised, torch.eye(4).to_sparse_csr(), torch.zeros(2, device="meta")):
        torch.save({**weights, name: tensor}, tmp_path / "a_net_G.pth")
        assert f"{name} is sparse, quantised or without numbers" in refusal(tmp_path / "a_net_G.pth")


def four_bit(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As bitsandbytes writes them: bytes of two numbers each, and tables beside them."""
    name = next(name for name, tensor in weights.items() if tensor.ndim == 4)
    packed = torch.zeros(weights[name].numel() // 2, 1, dtype=torch.uint8)
    return {**weights, name: packed, f"{name}.absmax": torch.ones(4), f"{name}.quant_map": torch.ones(16)}


def test_four_bit_files_are_refused_as_quantised(tmp_path: Path) -> None:
    save_file(four_bit(tiny_weights()), tmp_path / "a.safetensors")
    assert "quantised checkpoints cannot be used" in refusal(tmp_path / "a.safetensors")


# Pickles that no torch ever wrote.


def zip_of(data: bytes, folder: Path) -> Path:
    path = folder / "made_net_G.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
        archive.writestr("archive/data/0", bytes(64))
    return path


def tensor_pickle(offset: int, size: int, stride: int, count: int = 16) -> bytes:
    """{'w': a tensor} by hand, so that its shape can lie."""

    def number(value: int) -> bytes:
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw

    text = lambda value: b"X" + struct.pack("<I", len(value)) + value.encode()  # noqa: E731
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(count) + b"tQ"
    shape = number(offset) + b"(" + number(size) + b"t(" + number(stride) + b"t"
    return b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + shape + b"\x89}tR" + b"s."


def test_the_pickle_by_hand_is_one_that_loads(tmp_path: Path) -> None:
    assert read_weights(zip_of(tensor_pickle(0, 16, 1), tmp_path), "numbers")["w"].tolist() == [0.0] * 16


@pytest.mark.parametrize(
    ("offset", "size", "stride", "count"),
    [
        (0, 17, 1, 16),
        (1, 16, 1, 16),
        (0, 2, 16, 16),
        (0, 2**62, 1, 16),
        (2**62, 1, 1, 16),
        (0, 16, 2**62, 16),
        (-1, 4, 1, 16),
        (0, -4, 1, 16),
        (0, 4, -1, 16),
        (0, 1, 1, 17),
        (0, 1, 1, 2**62),
        (0, 1, 1, -1),
    ],
)
def test_tensors_never_reach_beyond_their_numbers(
    tmp_path: Path, offset: int, size: int, stride: int, count: int
) -> None:
    with pytest.raises(WeightFileError):
        read_weights(zip_of(tensor_pickle(offset, size, stride, count), tmp_path), "numbers")


def nested_list(depth: int) -> bytes:
    return b"\x80\x02}X\x01\0\0\0a" + b"]" * depth + b"a" * (depth - 1) + b"s."


PICKLES = {
    "a list inside itself": b"\x80\x02}X\x01\0\0\0a]q\0h\0as.",
    "a thousand lists in each other": nested_list(1000),
    "two to the hundredth": b"\x80\x02}X\x01\0\0\0a]q\0" + b"0h\0h\0\x86q\0" * 100 + b"s.",
    "a long number": b"\x80\x02}X\x01\0\0\0a\x8b\x10\x27\0\0" + b"\x7f" * 10_000 + b"s.",
    "a text longer than the file": b"\x80\x02X\xff\xff\xff\xffabc.",
    "bytes longer than memory": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.",
    "a number in letters": b"\x80\x02I" + b"9" * 5000 + b"\n.",
    "no end": b"\x80\x02}",
    "nothing": b"",
    "an empty stack": b"\x80\x02.",
    "a mark at the end": b"\x80\x02(.",
    "a memory that was never filled": b"\x80\x02h\x05.",
    "a call of a text": b"\x80\x02X\x01\0\0\0a)R.",
    "a class made of nothing": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "an instance": b"\x80\x02(icollections\nOrderedDict\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "numbers from elsewhere": b"\x80\x02X\x01\0\0\0aQ.",
    "a key that cannot be one": b"\x80\x02}]K\x01s.",
}


@pytest.mark.parametrize("what", PICKLES)
def test_pickles_that_torch_never_writes_are_refused(tmp_path: Path, what: str) -> None:
    path = zip_of(PICKLES[what], tmp_path)
    message = in_time(lambda: refusal(path))
    assert "cut short or damaged" in message or "entries that are no tensors" in message


class Calls:
    """Runs a function of Python when it is unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


@pytest.mark.parametrize("function", [eval, print, os.system, torch.load, torch.hub.load])
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_no_function_is_ever_looked_up(function: object, protocol: int) -> None:
    data = pickle.dumps({"a": Calls(function, "1")}, protocol)
    with pytest.raises(PickleError):
        read_pickle(io.BytesIO(data), {}, lambda saved: saved)


def test_a_name_is_known_only_with_its_module() -> None:
    with pytest.raises(PickleError, match=r"names os\.system"):
        read_pickle(io.BytesIO(b"cos\nsystem\n."), {"system": print, "posix.system": print}, print)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
def test_a_file_with_any_byte_changed_loads_or_is_refused(tmp_path: Path, modern: bool) -> None:
    path = tmp_path / "a_net_G.pth"
    torch.save(tiny_weights(), path, _use_new_zipfile_serialization=modern)
    whole = path.read_bytes()
    random = torch.Generator().manual_seed(5)
    for _ in range(300):
        changed = bytearray(whole)
        # most of a file is numbers: what says where they are lies at its ends
        at = int(torch.randint(0, 6000, (), generator=random)) * (1 if torch.rand((), generator=random) < 0.5 else -1)
        changed[at] = int(torch.randint(0, 256, (), generator=random))
        path.write_bytes(changed)
        try:
            load_model(path)
        except CheckpointError as error:
            assert len(str(error)) < 1000


# a tuple in a tuple in a tuple ..., which Python cannot hash: it ends the process
DEEP = b")" + b"\x85" * 300_000


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x80\x02}" + DEEP + b"K\x01s.", id="one entry"),
        pytest.param(b"\x80\x02}(" + DEEP + b"K\x01u.", id="several entries"),
        pytest.param(b"\x80\x02(" + DEEP + b"K\x01d.", id="a dictionary at once"),
        pytest.param(b"\x80\x02ccollections\nOrderedDict\n]" + DEEP + b"K\x01\x86a\x85R.", id="pairs"),
    ],
)
def test_entries_that_cannot_be_named_end_no_process(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "deep_net_G.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    assert "names an entry neither by text nor by a number" in refusal(path)


def test_names_of_numbers_in_an_old_file_that_cannot_be_hashed_end_no_process(tmp_path: Path) -> None:
    path = tmp_path / "old_net_G.pth"
    torch.save(tiny_weights(), path, _use_new_zipfile_serialization=False)
    start, _, _ = path.read_bytes().rpartition(b"\x80\x02]")  # the list of numbers, which is the last pickle
    path.write_bytes(start + b"\x80\x02]" + DEEP + b"a.")
    assert "it lists numbers that no tensor has" in refusal(path)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("shared", ["one number", "one row"])
def test_a_small_file_does_not_become_large_tensors(tmp_path: Path, modern: bool, shared: str) -> None:
    """As views of the same numbers, of which each would take memory of its own once it is widened."""
    path = tmp_path / "small_net_G.pth"
    row = torch.zeros(4096, dtype=torch.half)
    many = {name: row[:] for name in tiny_weights()}
    weights = many if shared == "one row" else tiny_weights() | {next(iter(many)): row[:1].expand(2**40)}
    torch.save(weights, path, _use_new_zipfile_serialization=modern)
    said = refusal(path)
    assert ("many times the file" if shared == "one row" else "fewer numbers are stored") in said
