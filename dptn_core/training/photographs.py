"""Pairs of photographs for training: read ahead by threads, kept in memory, damaged ones passed over."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data.pairs import DataFileError, PreparedSet, open_prepared
from ..framing import resize
from ..pictures import PictureError
from ..pose import Canvas, People, Pose, draw_silhouette
from ..pose.heatmaps import keypoint_heatmaps
from .batches import Batch, sigma_at
from .config import ConfigError, DataConfig

_LOG = logging.getLogger(__name__)
_STRETCHED = 0.02  # shares by which a stage's proportions may differ from the pictures'
# The joint that stands in each joint's place in a mirrored picture: right and left change names.
_MIRRORED = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)


@dataclass(frozen=True)
class _Picture:
    """A picture at the size of a stage, as it is kept: small."""

    pixels: Tensor  # (3, H, W) uint8
    points: Tensor  # (18, 2) xy
    present: Tensor  # (18,) bool
    mask: Tensor | None  # (H, W) bool: the person, guessed from the pose


@dataclass(frozen=True)
class _Request:
    """Which pairs, and how."""

    first: int
    count: int
    size: tuple[int, int]
    masked: bool


class PhotographSource:
    """Pairs of a prepared set, in another order every time round; see BatchSource."""

    def __init__(self, data: DataConfig, device: torch.device | str) -> None:
        """Open the set at `data.root`.

        Raises:
            DataFileError: it is none, or `data.root` is empty.
            PictureError: its first picture cannot be used.
        """
        if not data.root:
            raise DataFileError("data.root is empty; give the folder that 'dptn prepare' made, there or by --data")
        self._data, self._device = data, torch.device(device)
        self._train = open_prepared(Path(data.root), "train")
        self._train.check_first()
        self.framing = self._train.framing
        self.description = f"{self._train.kind} ({len(self._train.pairs)} pairs), seed {data.seed}"
        self.skipped: dict[str, str] = {}
        self._cache: dict[tuple[str, tuple[int, int], bool], _Picture] = {}
        self._room = int(data.cache_gib * 2**30)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(data.workers, thread_name_prefix="pictures")
        self._ahead: dict[_Request, Future[list[tuple[_Picture, _Picture, bool]]]] = {}
        self._orders: dict[int, np.ndarray] = {}

    def batch(
        self,
        first: int,
        count: int,
        size: tuple[int, int],
        stride: int,
        foreground: float,
        upcoming: Sequence[int] = (),
    ) -> Batch:
        """See BatchSource."""
        check_proportions(self._train, size)
        wanted = _Request(first, count, size, foreground != 1)
        requests = [_Request(number, count, size, wanted.masked) for number in (first, *upcoming)]
        self._ahead = {
            request: self._ahead.get(request) or self._pool.submit(self._read, request) for request in requests
        }
        return self._on_device(self._ahead[wanted].result(), size)

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """See BatchSource; of the training pairs where the set has no others."""
        try:
            of = open_prepared(Path(self._data.root), "test")
        except DataFileError:
            of = self._train
        step = max(1, len(of.pairs) // count)
        pairs = []
        for source, target in of.pairs[::step][:count]:
            with contextlib.suppress(PictureError):  # whoever scores this split names its damaged pictures
                pairs.append((_load(of, source, size, False), _load(of, target, size, False), False))
        if not pairs:
            raise DataFileError(f"{of.folder}: none of the pictures to look at can be read")
        return self._on_device(pairs, size)

    def _read(self, request: _Request) -> list[tuple[_Picture, _Picture, bool]]:
        return [self._pair(number, request) for number in range(request.first, request.first + request.count)]

    def _pair(self, number: int, request: _Request) -> tuple[_Picture, _Picture, bool]:
        """Pair `number`, or the next one whose pictures can be read."""
        count = len(self._train.pairs)
        rounds, place = divmod(number, count)
        order = self._order(rounds)
        mirrored = self._data.mirror and _coin(self._data.seed, number)
        for further in range(count):
            source, target = self._train.pairs[order[(place + further) % count]]
            try:
                return self._kept(source, request), self._kept(target, request), mirrored
            except PictureError:
                continue
        raise DataFileError(f"{self._train.folder}: not a single pair can be read; the first: {self._reason()}")

    def _reason(self) -> str:
        return next(iter(self.skipped.values()), "")

    def _skip(self, name: str, error: PictureError) -> None:
        with self._lock:
            if name not in self.skipped:
                self.skipped[name] = str(error)
                _LOG.warning("passed over, %d so far: %s", len(self.skipped), error)

    def _order(self, rounds: int) -> np.ndarray:
        with self._lock:
            if rounds not in self._orders:
                self._orders = {r: order for r, order in self._orders.items() if r >= rounds - 1}
                dice = np.random.default_rng((self._data.seed, rounds))
                self._orders[rounds] = dice.permutation(len(self._train.pairs))
            return self._orders[rounds]

    def _kept(self, name: str, request: _Request) -> _Picture:
        key = (name, request.size, request.masked)
        found = self._cache.get(key)
        if found is None:
            try:
                found = _load(self._train, name, request.size, request.masked)
            except PictureError as error:
                self._skip(name, error)
                raise
            with self._lock:
                self._room -= found.pixels.nbytes + (0 if found.mask is None else found.mask.nbytes)
                if self._room >= 0:
                    self._cache[key] = found
        return found

    def _on_device(self, pairs: list[tuple[_Picture, _Picture, bool]], size: tuple[int, int]) -> Batch:
        mirrored = torch.tensor([flag for _, _, flag in pairs], device=self._device)
        sigma = sigma_at(self._data, size[0])

        def stacked(some: list[_Picture]) -> tuple[Tensor, Tensor, Tensor | None]:
            """Pictures in [-1, 1], heat maps and masks of the sources or of the targets."""

            def gathered(of: Callable[[_Picture], Tensor]) -> Tensor:
                return torch.stack([of(one) for one in some]).to(self._device, non_blocking=True)

            pixels = gathered(lambda one: one.pixels).to(torch.float32).div_(127.5).sub_(1)
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            points, present = gathered(lambda one: one.points), gathered(lambda one: one.present)
            maps = keypoint_heatmaps(points, present, size, sigma)
            swapped = maps[:, list(_MIRRORED)].flip(3)
            maps = torch.where(mirrored[:, None, None, None], swapped, maps)
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
            if some[0].mask is None:
                return pixels, maps, None
            masks = torch.stack([one.mask for one in some if one.mask is not None]).to(self._device)
            return pixels, maps, torch.where(mirrored[:, None, None], masks.flip(2), masks)

        source, source_maps, source_mask = stacked([source for source, _, _ in pairs])
        target, target_maps, target_mask = stacked([target for _, target, _ in pairs])
        return Batch(source, target, source_maps, target_maps, source_mask, target_mask)


def check_proportions(pictures: PreparedSet, size: tuple[int, int]) -> None:
    """See that a stage does not stretch people, unless the set means to.

    Raises:
        ConfigError: it does.
    """
    height, width = pictures.size
    wrong = abs(size[1] * height / (size[0] * width) - 1) > _STRETCHED
    if pictures.framing == "fit" and wrong:
        raise ConfigError(
            f"a stage is {size[1]}x{size[0]}, and the pictures of {pictures.root} are {width}x{height}: people would "
            "be stretched. Change the stage's width and height, or prepare the set with --size"
        )


def _load(pictures: PreparedSet, name: str, size: tuple[int, int], masked: bool) -> _Picture:
    picture = pictures.picture(name)
    height, width = size
    scale = np.array([width / pictures.size[1], height / pictures.size[0]])
    points = pictures.annotations[name]
    xy, present = points[:, :2] * scale, points[:, 2] > 0
    mask = None
    if masked:
        canvas = Canvas(width, height)
        pose = Pose(xy.astype(np.float64) * present[:, None], present.astype(np.float64), canvas)
        mask = torch.from_numpy(draw_silhouette(People((pose,), canvas))[..., 0] > 0)
    pixels = (resize(picture, size).clamp(0, 1) * 255).round().byte()
    return _Picture(pixels, torch.from_numpy(xy.astype(np.float32)), torch.from_numpy(present), mask)


def _coin(seed: int, number: int) -> bool:
    return bool(np.random.default_rng((seed, 1, number)).integers(2))
