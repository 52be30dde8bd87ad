"""Pairs of photographs for training: read ahead by threads, kept in memory, damaged ones skipped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data.datasets import DataFileError, PreparedSet, open_prepared
from ..data.synthetic.synthetic_pairs import MIRRORED_JOINTS
from ..image_io import ImageError, resize
from ..pose import Canvas, People, Pose, draw_silhouette
from ..pose.heatmaps import keypoint_heatmaps
from ..system.distributed import sharing_memory
from .batches import Batch, BatchRequest, sigma_at
from .limbs import limb_attention
from .toml_tables import ConfigError
from .training_config import DataConfig

_LOG = logging.getLogger(__name__)
_TRIED = 20  # images, before a set counts as unusable
_STRETCHED = 0.02  # fraction by which a stage's proportions may differ from the images'


@dataclass(frozen=True)
class _Image:
    """An image at the size of a stage, as it is kept: small."""

    pixels: Tensor  # (3, H, W) uint8
    points: Tensor  # (18, 2) xy
    present: Tensor  # (18,) bool
    mask: Tensor | None  # (H, W) bool: the person, guessed from the pose

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes + (0 if self.mask is None else self.mask.nbytes)


_Pair = tuple[_Image, _Image, bool]  # source, target, whether both are mirrored


@dataclass(frozen=True)
class _Form:
    """What a stage makes of an image."""

    size: tuple[int, int]
    masked: bool


class _Cache:
    """The images of one form: read once, by whoever asks first, and kept as long as there is room."""

    def __init__(self, form: _Form, room: int) -> None:
        """Make room for so many bytes."""
        self.form = form
        self._room = room
        self._images: dict[str, Future[_Image]] = {}
        self._lock = threading.Lock()

    def image(self, name: str, load: Callable[[str], _Image]) -> _Image:
        """The image of that name, of `load` where it is not at hand; raises what that raises."""
        with self._lock:
            known = self._images.get(name)
            if known is None:
                future = self._images[name] = Future[_Image]()
        if known is not None:
            return known.result()  # which somebody else may be reading just now
        kept = False
        try:
            image = load(name)
            with self._lock:
                kept = image.nbytes <= self._room
                self._room -= image.nbytes if kept else 0
            future.set_result(image)
        except BaseException as error:
            future.set_exception(error)  # for those who wait
            raise
        finally:
            if not kept:
                with self._lock:
                    del self._images[name]
        return image


class PhotographSource:
    """Pairs of a prepared set, in another order every time round; see BatchSource."""

    steps_ahead = 2

    def __init__(self, data: DataConfig, device: torch.device | str, *, limbs: bool = False) -> None:
        """Open the set at `data.root`.

        Args:
            data: where, and how it is read.
            device: of the batches.
            limbs: whether batches say where attention should look, see `limb_attention`.

        Raises:
            DataFileError: it is none, or `data.root` is empty.
            ImageError: none of its first images can be used.
        """
        if not data.root:
            raise DataFileError("data.root is empty; name a folder that 'dptn prepare' made, there or with --data")
        self._data, self._device, self._limbs = data, torch.device(device), limbs
        self._train = open_prepared(Path(data.root), "train")
        _check_some(self._train)
        self._test: PreparedSet | None = None  # opened when it is asked for
        self.framing = self._train.framing
        self.description = f"{self._train.kind} ({len(self._train.pairs)} pairs), seed {data.seed}"
        self.skipped: dict[str, str] = {}
        self._cache: _Cache | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(data.workers, thread_name_prefix="pictures")
        self._ahead: dict[tuple[int, int], list[Future[_Pair]]] = {}  # by first pair and count
        self._orders: dict[int, np.ndarray] = {}

    def batch(self, wanted: BatchRequest) -> Batch:
        """See BatchSource.

        Raises:
            ConfigError: the size would stretch people.
            DataFileError: no pair can be read.
        """
        check_proportions(self._train, wanted.size)
        form = _Form(wanted.size, wanted.foreground != 1)
        if self._cache is None or self._cache.form != form:
            self._forget()
            self._cache = _Cache(form, int(self._data.cache_gib * 2**30 / sharing_memory()))
        cache, before = self._cache, self._ahead
        self._ahead = {}
        count = wanted.count
        for start in (wanted.first, *wanted.upcoming):
            if (start, count) not in self._ahead:
                self._ahead[start, count] = before.pop((start, count), []) or self._begin(start, count, cache)
        _cancel(before)
        pairs = [pair.result() for pair in self._ahead.pop((wanted.first, count))]
        return self._on_device(pairs, wanted.size, wanted.stride)

    def _begin(self, first: int, count: int, cache: _Cache) -> list[Future[_Pair]]:
        """Have pairs read, each by itself: all threads work on the batch that is wanted first."""
        return [self._pool.submit(self._pair, number, cache) for number in range(first, first + count)]

    def _forget(self) -> None:
        """Give up what was read ahead and kept for another stage."""
        _cancel(self._ahead)
        self._ahead, self._cache = {}, None

    def check_size(self, size: tuple[int, int]) -> None:
        """See BatchSource."""
        check_proportions(self._train, size)

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """See BatchSource; of the training pairs where no others can be read.

        Raises:
            DataFileError: none at all can be read.
        """
        if self._test is None:
            try:
                self._test = open_prepared(Path(self._data.root), "test")
            except DataFileError:
                self._test = self._train
        for of in (self._test, self._train):
            if pairs := _readable(of, count, size):
                return self._on_device(pairs, size, stride)
        raise DataFileError(f"{self._train.root}: no image for the sample grid can be read")

    def _pair(self, number: int, cache: _Cache) -> _Pair:
        """Pair `number`, or the next one whose images can be read."""
        count = len(self._train.pairs)
        rounds, place = divmod(number, count)
        order = self._order(rounds)
        mirrored = self._data.mirror and _coin(self._data.seed, number)
        for further in range(count):
            names = self._train.pairs[order[(place + further) % count]]
            try:
                source, target = (self._read(name, cache) for name in names)
            except ImageError:
                continue
            return source, target, mirrored
        raise DataFileError(f"{self._train.folder}: no pair can be read; the first error: {self._reason()}")

    def _read(self, name: str, cache: _Cache) -> _Image:
        try:
            return cache.image(name, lambda name: _load(self._train, name, cache.form))
        except (ImageError, OSError) as error:  # a disk may fail before there is an image to be damaged
            self._skip(name, error)
            raise ImageError(str(error)) from error

    def _reason(self) -> str:
        return next(iter(self.skipped.values()), "")

    def _skip(self, name: str, error: Exception) -> None:
        with self._lock:
            if name not in self.skipped:
                self.skipped[name] = str(error)
                _LOG.warning("skipped (%d so far): %s", len(self.skipped), error)

    def _order(self, rounds: int) -> np.ndarray:
        with self._lock:
            if rounds not in self._orders:
                self._orders = {r: order for r, order in self._orders.items() if r >= rounds - 1}
                dice = np.random.default_rng((self._data.seed, rounds))
                self._orders[rounds] = dice.permutation(len(self._train.pairs))
            return self._orders[rounds]

    def _on_device(self, pairs: list[_Pair], size: tuple[int, int], stride: int) -> Batch:
        any_mirrored = any(flag for _, _, flag in pairs)
        mirrored = torch.tensor([flag for _, _, flag in pairs], device=self._device)
        sigma = sigma_at(self._data, size[0])

        def stacked(some: list[_Image]) -> tuple[Tensor, Tensor, Tensor | None, tuple[Tensor, Tensor]]:
            """Images in [-1, 1], heat maps, masks and poses of the sources or of the targets."""

            def gathered(of: Callable[[_Image], Tensor]) -> Tensor:
                return torch.stack([of(one) for one in some]).to(self._device, non_blocking=True)

            pixels = gathered(lambda one: one.pixels).to(torch.float32).div_(127.5).sub_(1)
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            points, present = gathered(lambda one: one.points), gathered(lambda one: one.present)
            maps = keypoint_heatmaps(points, present, size, sigma)
            masks = None
            if some[0].mask is not None:
                masks = torch.stack([one.mask for one in some if one.mask is not None]).to(self._device)
            if any_mirrored:
                pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
                maps = torch.where(mirrored[:, None, None, None], maps[:, list(MIRRORED_JOINTS)].flip(3), maps)
                across = torch.stack([size[1] - points[..., 0], points[..., 1]], -1)
                points = torch.where(mirrored[:, None, None], across[:, list(MIRRORED_JOINTS)], points)
                present = torch.where(mirrored[:, None], present[:, list(MIRRORED_JOINTS)], present)
                masks = None if masks is None else torch.where(mirrored[:, None, None], masks.flip(2), masks)
            return pixels, maps, masks, (points, present)

        source, source_maps, source_mask, source_pose = stacked([source for source, _, _ in pairs])
        target, target_maps, target_mask, target_pose = stacked([target for _, target, _ in pairs])
        limbs = limb_attention(*source_pose, *target_pose, size, stride) if self._limbs else (None, None)
        return Batch(source, target, source_maps, target_maps, source_mask, target_mask, *limbs)


def check_proportions(images: PreparedSet, size: tuple[int, int]) -> None:
    """See that a stage does not stretch people, unless the set means to.

    Raises:
        ConfigError: it does.
    """
    height, width = images.size
    wrong = abs(size[1] * height / (size[0] * width) - 1) > _STRETCHED
    if images.framing == "fit" and wrong:
        raise ConfigError(
            f"a stage is {size[1]}x{size[0]}, but the images of {images.root} are {width}x{height}: people would "
            "be stretched. Change the stage's width and height, or prepare the set with --size"
        )


def _check_some(images: PreparedSet) -> None:
    """See that one of the first images can be used, so that a wrong set is refused before a run has started."""
    first: ImageError | None = None
    for name in islice((name for pair in images.pairs for name in pair), _TRIED):
        try:
            images.image(name)
        except ImageError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _cancel(ahead: dict[tuple[int, int], list[Future[_Pair]]]) -> None:
    for pairs in ahead.values():
        for pair in pairs:
            pair.cancel()


def _readable(images: PreparedSet, count: int, size: tuple[int, int]) -> list[_Pair]:
    """Up to `count` pairs, from all over the set; whoever scores it names the damaged ones."""
    step = max(1, len(images.pairs) // count)
    form = _Form(size, False)
    found: list[_Pair] = []
    for source, target in (pair for start in range(step) for pair in images.pairs[start::step]):
        try:
            found.append((_load(images, source, form), _load(images, target, form), False))
        except ImageError:
            continue
        if len(found) == count:
            break
    return found


def _load(images: PreparedSet, name: str, form: _Form) -> _Image:
    image = images.image(name)
    size = height, width = form.size
    scale = np.array([width / images.size[1], height / images.size[0]])
    points = images.annotations[name]
    xy, present = points[:, :2] * scale, points[:, 2] > 0
    mask = None
    if form.masked:
        canvas = Canvas(width, height)
        pose = Pose(xy.astype(np.float64) * present[:, None], present.astype(np.float64), canvas)
        mask = torch.from_numpy(draw_silhouette(People((pose,), canvas))[..., 0] > 0)
    pixels = (resize(image, size).clamp(0, 1) * 255).round().byte()
    return _Image(pixels, torch.from_numpy(xy.astype(np.float32)), torch.from_numpy(present), mask)


def _coin(seed: int, number: int) -> bool:
    return bool(np.random.default_rng((seed, 1, number)).integers(2))
