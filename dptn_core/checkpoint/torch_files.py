"""Torch's two file formats, a zip archive and, before torch 1.6, a row of pickles, read without `torch.load`."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..system.files import opened_file
from .pickle_machine import PickleError, ordered_dict, read_pickle

_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION: Final = 1001
_MAX_PICKLE: Final = 64 << 20  # bytes; the paper's network has 40 thousand
_LOCAL_HEADER: Final = 30  # bytes of a zip entry's own header, before two texts of stated lengths
_MAX_DEPTH: Final = 50  # of containers inside containers
# Tensors may share numbers, as two names of one weight do; of a hundred that share them all, each takes its own memory.
_MAX_VIEWS: Final = 4

_DTYPES: Final[Mapping[str, torch.dtype]] = {
    **{"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16},
    **{"Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8},
    **{"Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128},
    # quantised ones are refused later, by the name of the tensor
    **{"QInt8": torch.int8, "QUInt8": torch.uint8, "QInt32": torch.int32},
}
_NO_PLAIN_TENSORS: Final = (
    *("_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor", "_rebuild_nested_tensor", "_rebuild_qtensor"),
    *("_rebuild_meta_tensor_no_storage", "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy"),
)


@dataclass(frozen=True)
class _Storage:
    """A row of numbers that the pickle points at."""

    key: str
    dtype: torch.dtype
    count: int
    start: int = 0  # of a view, in numbers


@dataclass(frozen=True)
class _Unfilled:
    """A tensor whose numbers are still in the file."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


Numbers = Callable[[_Storage, torch.dtype], Tensor]


def read_zip_format(path: Path) -> object:
    """What an archive of torch holds; its tensors are mapped from the file and read when they are used.

    Raises:
        ForbiddenName: It names Python code or objects.
        PickleError: It is damaged, or was packed by something else than torch.
        BadZipFile: It is no archive, or a damaged one.
        OSError: It cannot be opened, or is a device or a pipe.
    """
    with opened_file(path) as file, zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise PickleError("it was packed anew with compression, which torch never uses")
        pickles = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
        if not pickles:
            raise PickleError("it is a zip archive of something else")
        root = pickles[0].removesuffix("data.pkl")
        if entries[f"{root}data.pkl"].file_size > _MAX_PICKLE:
            raise PickleError("its list of tensors is longer than any model's")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") == b"big":
            raise PickleError("it was written on a big-endian machine")
        found = read_pickle(BytesIO(archive.read(f"{root}data.pkl")), _known(), _storage)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def numbers(storage: _Storage, dtype: torch.dtype) -> Tensor:
        name = f"{root}data/{storage.key}"
        if name not in entries:
            raise PickleError(f"it lacks {name}")
        header = entries[name].header_offset
        lengths = mapped[header + _LOCAL_HEADER - 4 : header + _LOCAL_HEADER]
        start = header + _LOCAL_HEADER + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        return _mapped(mapped, start, entries[name].file_size, storage, dtype)

    return _filled(found, numbers, _MAX_VIEWS * len(mapped))


def read_legacy_format(path: Path) -> object:
    """What a file from before torch 1.6 holds; as `read_zip_format`."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    magic, version, system = (read_pickle(mapped, {}, _refused) for _ in range(3))
    if (magic, version) != (_LEGACY_MAGIC, _LEGACY_VERSION):
        raise PickleError("it is a pickle of something else")
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise PickleError("it was written on a big-endian machine")
    rows: dict[str, _Storage] = {}

    def noted(saved: object) -> _Storage:
        storage = _storage(saved)
        rows[storage.key] = storage
        return storage

    found = read_pickle(mapped, _known(), noted)
    starts = _starts(mapped, rows, read_pickle(mapped, {}, _refused))

    def numbers(storage: _Storage, dtype: torch.dtype) -> Tensor:
        if storage.key not in starts:
            raise PickleError(f"it lacks the numbers of {storage.key}")
        return _mapped(mapped, starts[storage.key], storage.count * storage.dtype.itemsize, storage, dtype)

    return _filled(found, numbers, _MAX_VIEWS * len(mapped))


def _known() -> dict[str, object]:
    """What the pickle may name; of torch's own functions none."""
    known: dict[str, object] = {
        "collections.OrderedDict": ordered_dict,
        "builtins.set": list,
        "__builtin__.set": list,
        "torch.Size": tuple,
        "torch.device": _nothing,
        "torch.serialization._get_layout": _nothing,
        "torch._utils._rebuild_tensor": _unfilled,
        "torch._utils._rebuild_tensor_v2": _unfilled,
        "torch._utils._rebuild_tensor_v3": _unfilled_v3,
        "torch._utils._rebuild_parameter": _first,
        "torch._utils._rebuild_parameter_with_state": _first,
        "torch.storage.UntypedStorage": torch.uint8,
        "torch.per_tensor_affine": None,
        "torch.per_channel_affine": None,
    }
    known |= {f"torch._utils.{name}": _no_plain_tensor for name in _NO_PLAIN_TENSORS}
    known |= {f"torch.{name}Storage": dtype for name, dtype in _DTYPES.items()}
    known |= {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
    return known


def _nothing(*_: object) -> None:
    return None


def _first(data: object, *_: object) -> object:
    return data


def _no_plain_tensor(*_: object) -> Tensor:
    return torch.empty(0, device="meta")


def _refused(saved: object) -> object:
    raise PickleError("it points at numbers before there are any")


def _storage(saved: object) -> _Storage:
    """What the pickle says of a storage: its kind, type, key, device, count and, in old files, the view it is."""
    match saved:
        case ("storage", torch.dtype() as dtype, str(key), _, int(count)):
            start, whole = 0, count
        case ("storage", torch.dtype() as dtype, str(key), _, int(whole), None):
            start = 0
        case ("storage", torch.dtype() as dtype, str(key), _, int(whole), (_, int(start), int())):
            pass
        case _:
            raise PickleError("it points at something that is not a tensor's numbers")
    if whole < 0 or start < 0:
        raise PickleError("it points at numbers of negative count")
    return _Storage(key, dtype, whole, start)


def _unfilled(
    storage: object, offset: object, size: object, stride: object, *_: object, dtype: object = None
) -> _Unfilled:
    if not isinstance(storage, _Storage):
        raise PickleError("a tensor of it has no numbers")
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise PickleError("a tensor of it has no number format")
    sizes, strides = _whole_numbers(size), _whole_numbers(stride)
    (start,) = _whole_numbers((offset,))
    if len(sizes) != len(strides):
        raise PickleError("a tensor of it has no shape")
    return _Unfilled(storage, start + storage.start, sizes, strides, dtype or storage.dtype)


def _unfilled_v3(*given: object) -> _Unfilled:
    """(storage, offset, size, stride, needs gradients, hooks, dtype, metadata)."""
    return _unfilled(*given[:4], dtype=given[6])


def _whole_numbers(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple) or not all(isinstance(value, int) and value >= 0 for value in values):
        raise PickleError("a tensor of it has no shape")
    return values


def _starts(mapped: mmap.mmap, rows: Mapping[str, _Storage], keys: object) -> dict[str, int]:
    """Where each storage's numbers begin: they lie one after the other, each behind its count."""
    if not isinstance(keys, list):
        raise PickleError("it does not list its numbers")
    starts = {}
    at = mapped.tell()
    for key in keys:
        if not isinstance(key, str) or key not in rows:
            raise PickleError("it lists numbers that no tensor has")
        if int.from_bytes(mapped[at : at + 8], "little") != rows[key].count:
            raise PickleError("it is cut short")
        starts[key] = at + 8
        at += 8 + rows[key].count * rows[key].dtype.itemsize
    return starts


def _mapped(mapped: mmap.mmap, start: int, length: int, storage: _Storage, dtype: torch.dtype) -> Tensor:
    """(count,) numbers of a storage that begins at a byte of the file and has `length` bytes there."""
    wanted = storage.count * storage.dtype.itemsize
    if wanted > length or start + wanted > len(mapped):
        raise PickleError("it is cut short")
    count = wanted // dtype.itemsize
    if not count:
        return torch.empty(0, dtype=dtype)
    if start % dtype.itemsize:  # not where such numbers can be read from
        return torch.frombuffer(bytearray(mapped[start : start + wanted]), dtype=dtype, count=count)
    return torch.frombuffer(mapped, dtype=dtype, count=count, offset=start)


def _filled(value: object, numbers: Numbers, most: int) -> object:
    """`value` with its tensors, of at most so many bytes in all; what it holds twice is made once."""
    made: dict[int, object] = {}
    size = 0

    def fill(value: object, depth: int) -> object:
        nonlocal size
        if depth > _MAX_DEPTH:
            raise PickleError("its containers are nested too deeply")
        if id(value) in made:
            return made[id(value)]
        result: object = value
        if isinstance(value, _Unfilled):
            result = tensor = _tensor(value, numbers)
            bytes_taken = tensor.numel() * tensor.element_size()
            # one number expanded to many takes no memory here; who reads the tensor refuses the shape
            size += min(bytes_taken, tensor.untyped_storage().nbytes())
            if size > most:
                raise PickleError("its tensors together are many times the file")
        elif isinstance(value, dict):
            result = {key: fill(item, depth + 1) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            result = type(value)([fill(item, depth + 1) for item in value])
        else:
            return value
        made[id(value)] = result
        return result

    return fill(value, 0)


def _tensor(unfilled: _Unfilled, numbers: Numbers) -> Tensor:
    row = numbers(unfilled.storage, unfilled.dtype)
    last = unfilled.offset + sum((n - 1) * step for n, step in zip(unfilled.size, unfilled.stride, strict=True))
    if 0 not in unfilled.size and last >= len(row):
        raise PickleError("a tensor of it is larger than its numbers")
    return row.as_strided(unfilled.size, unfilled.stride, unfilled.offset)
