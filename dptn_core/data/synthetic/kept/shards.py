"""A shard: some hundred pairs in one safetensors file, any of which can be read without the others."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....system.files import remove_leftovers, written_beside
from .codec import FILES, decode_colours, decode_correspondence, decode_labels, encode
from .manifest import KeptSetError, Manifest
from .one import OnePair

_FLAGS: Final = ("source_present", "target_present", "source_visible", "target_visible")  # a bit each
_NAMES: Final = ("files", "ends", "keypoints", "flags", "limb_depth")


def write_shard(folder: Path, manifest: Manifest, shard: int, pairs: Sequence[OnePair]) -> None:
    """Write the pairs of a shard, whole or not at all.

    Raises:
        KeptSetError: the folder cannot be written to, or is full.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    files: list[bytes] = []
    for pair in pairs:
        files += encode(pair, manifest.quality)
    flags = np.stack([[getattr(pair, name) for name in _FLAGS] for pair in pairs])  # (N, 4, 18)
    tensors: dict[str, NDArray[Any]] = {
        "files": np.frombuffer(b"".join(files), np.uint8),
        "ends": np.cumsum([len(file) for file in files], dtype=np.int64).reshape(len(pairs), FILES),
        "keypoints": np.stack([[pair.source_keypoints, pair.target_keypoints] for pair in pairs]).astype(np.float32),
        "flags": np.packbits(flags, axis=1, bitorder="little")[:, 0],
        "limb_depth": np.stack([pair.limb_depth for pair in pairs]).astype(np.float32),
    }
    path = manifest.path(folder, shard)
    # one entry: several would come in another order each time, and the same set is to be the same files
    label = {"set": manifest.stamp, "pairs": len(pairs), "crc32": _checksum(tensors)}
    try:
        remove_leftovers(path)
        with written_beside(path) as beside:
            save_file(tensors, beside, {"shard": json.dumps(label)})
    except (OSError, SafetensorError) as error:
        raise KeptSetError(
            f"{path} cannot be written ({error}); once that is fixed, run the same command to resume"
        ) from error


def fault(folder: Path, manifest: Manifest, shard: int) -> str:
    """Why a shard has to be made: it is missing, damaged, or has another number of pairs; "" where it is whole."""
    path = manifest.path(folder, shard)
    if not path.is_file():
        return "is missing"
    try:
        with _opened(path) as file:
            label = json.loads((file.metadata() or {})["shard"])
            if label["set"] != manifest.stamp:
                return "belongs to another set"
            if label["pairs"] != len(manifest.pairs_of(shard)):
                return "holds another number of pairs"
            if label["crc32"] != _checksum({name: file.get_tensor(name) for name in _NAMES}):
                return "is damaged"
    except KeptSetError:
        return "is damaged"
    return ""


def read_from_shard(folder: Path, manifest: Manifest, shard: int, places: Sequence[int]) -> Iterator[OnePair]:
    """Some pairs of a shard, by their places in it.

    Raises:
        KeptSetError: the file is missing or damaged.
    """
    path = manifest.path(folder, shard)
    with _opened(path) as file:
        files = file.get_slice("files")
        ends = file.get_tensor("ends")
        keypoints, depth = file.get_slice("keypoints"), file.get_slice("limb_depth")
        flags = np.unpackbits(file.get_tensor("flags")[:, None], axis=1, bitorder="little", count=len(_FLAGS))
        for place in places:
            start = int(ends.ravel()[place * FILES - 1]) if place else 0
            data = files[start : int(ends[place, -1])].tobytes()
            source, target, labels, correspondence = (
                data[int(low) - start : int(high) - start]
                for low, high in zip([start, *ends[place, :-1]], ends[place], strict=True)
            )
            source_keypoints, target_keypoints = keypoints[place : place + 1][0]
            found: dict[str, Any] = {
                "source": decode_colours(source),
                "target": decode_colours(target),
                "source_keypoints": source_keypoints,
                "target_keypoints": target_keypoints,
                **{name: flags[place, bit] > 0 for bit, name in enumerate(_FLAGS)},
                **decode_labels(labels),
                "correspondence": decode_correspondence(correspondence),
                "limb_depth": depth[place : place + 1][0],
            }
            yield OnePair(**found)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError, SyntaxError, ValueError, IndexError, KeyError) as error:
        raise KeptSetError(
            f"{path} is missing or damaged ({error}); run the command that made the set to make it again"
        ) from error


def _checksum(tensors: dict[str, NDArray[Any]]) -> str:
    found = 0
    for name in _NAMES:
        found = zlib.crc32(np.ascontiguousarray(tensors[name]).data, found)
    return f"{found:08x}"
