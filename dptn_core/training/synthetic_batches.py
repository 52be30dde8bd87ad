"""Pairs that are made, not collected: drawn figures, rendered people, and mixes of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checkpoint import Framing
from ..data.synthetic.figures import TEST_SEED, draw_pairs
from ..data.synthetic.synthetic_pairs import SyntheticPairs, joined, pair_seeds
from .batches import Batch, BatchRequest, make_batch, sigma_at
from .toml_tables import ConfigError
from .training_config import DataConfig

if TYPE_CHECKING:
    from ..data.synthetic.kept import KeptSet

Maker = Callable[[Sequence[int], tuple[int, int]], SyntheticPairs]

_PIXELS_AHEAD = 160 * 64 * 48  # ten small batches; more would not be made faster, and cost memory
_GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, fill the unit interval evenly


class PairSource:
    """Synthetic pairs by number, made some batches ahead: small images cost more to set up than to make."""

    steps_ahead = 16
    framing: Framing = "fit"

    def __init__(self, data: DataConfig, device: torch.device | str) -> None:
        """Make set `data.seed` on `device`.

        Raises:
            ConfigError: rendering people needs packages that are not installed, `data.kept` names no set, or the
                figures are the test set's.
        """
        self._data, self._device = data, torch.device(device)
        self._makers = {kind: _maker(kind, data, self._device) for kind in _kinds(data)}
        self.description = f"{_described(data)}, seed {data.seed}"
        self.skipped: dict[str, str] = {}
        self._ahead: dict[tuple[int, int, tuple[int, int]], SyntheticPairs] = {}  # by first pair, count and size

    def pairs(self, first: int, count: int, size: tuple[int, int], upcoming: Sequence[int] = ()) -> SyntheticPairs:
        """Pairs number `first` to `first + count - 1`; the same numbers always give the same pairs."""
        if (first, count, size) not in self._ahead:
            batches = max(1, _PIXELS_AHEAD // (count * size[0] * size[1]))
            firsts = [first, *upcoming][:batches]
            made = self._make([number for start in firsts for number in range(start, start + count)], size)
            self._ahead = {
                (start, count, size): made[place * count : (place + 1) * count] for place, start in enumerate(firsts)
            }
        return self._ahead.pop((first, count, size))

    def _make(self, numbers: Sequence[int], size: tuple[int, int]) -> SyntheticPairs:
        kinds = [kind_of(self._data, number) for number in numbers]
        order: list[int] = []
        parts = []
        for kind, make in self._makers.items():
            mine = [place for place, found in enumerate(kinds) if found == kind]
            if mine:
                parts.append(make([numbers[place] for place in mine], size))
                order += mine
        return joined(parts)[torch.tensor(order).argsort().to(self._device)]

    def batch(self, wanted: BatchRequest) -> Batch:
        """See BatchSource."""
        pairs = self.pairs(wanted.first, wanted.count, wanted.size, wanted.upcoming)
        return make_batch(pairs, sigma_at(self._data, wanted.size[0]), wanted.stride, wanted.foreground)

    def check_size(self, size: tuple[int, int]) -> None:
        """See BatchSource; figures are drawn at any size, people from 32 pixels on."""
        if "people" in self._makers and not self._data.kept:
            from ..data.synthetic.people import check_size

            try:
                check_size(size)
            except ValueError as error:
                raise ConfigError(f'stages: {error}; data.kind = "{self._data.kind}" renders people') from error

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """See BatchSource; of both kinds where they are mixed."""
        shown = [_fixed(kind, self._data, self._device)(range(count), size) for kind in self._makers]
        each = -(-count // len(shown))
        pairs = joined([some[:each] for some in shown])[:count]
        return make_batch(pairs, sigma_at(self._data, size[0]), stride, 1.0)


def kind_of(data: DataConfig, number: int) -> str:
    """Whether pair `number` is a drawn figure or a rendered person; evenly spread by `data.weights`."""
    kinds = _kinds(data)
    if len(kinds) == 1:
        return kinds[0]
    weights = data.weights
    return "figures" if (number * _GOLDEN) % 1 < weights.figures / (weights.figures + weights.people) else "people"


def _kinds(data: DataConfig) -> tuple[str, ...]:
    if data.kind != "mix":
        return (data.kind,)
    return tuple(name for name, weight in vars(data.weights).items() if weight > 0)


def _described(data: DataConfig) -> str:
    if data.kind != "mix":
        return data.kind
    total = sum(vars(data.weights).values())
    return ", ".join(f"{weight / total:.0%} {name}" for name, weight in vars(data.weights).items() if weight > 0)


def _seeds(seed: int, numbers: Sequence[int], device: torch.device) -> Tensor:
    return torch.cat([pair_seeds(seed, number, 1, device) for number in numbers])


def _plain(pairs: SyntheticPairs) -> SyntheticPairs:
    """What every kind knows."""
    return SyntheticPairs(**{f.name: getattr(pairs, f.name) for f in fields(SyntheticPairs)})


def _maker(kind: str, data: DataConfig, device: torch.device) -> Maker:
    if kind == "figures":
        refuse_test_seed(data.seed)
        return lambda numbers, size: draw_pairs(_seeds(data.seed, numbers, device), size)
    if data.kept:
        return _reader(data, device)
    render = _renderer(device)
    return lambda numbers, size: _plain(render(_seeds(data.seed, numbers, device), size))


def refuse_test_seed(seed: int) -> None:
    """Raise a ConfigError if a set of drawn figures is the one that models are scored on."""
    if seed == TEST_SEED:
        raise ConfigError(f"data.seed is {seed}, the number of the drawn figures' test set; choose another seed")


def open_kept_people(folder: str, key: str = "data.kept") -> KeptSet:
    """A kept set to train on, which `key` of a config names.

    Raises:
        ConfigError: the folder holds none, or one that training must not see.
    """
    from ..data.synthetic.kept import KeptSetError, open_kept

    try:
        kept = open_kept(Path(folder))
    except KeptSetError as error:
        raise ConfigError(f"{key}: {error}") from error
    if kept.manifest.kind != "people":
        raise ConfigError(
            f"{key}: {folder} holds {kept.manifest.kind}, which is for evaluation only; keep a set without --test-set"
        )
    return kept


def _reader(data: DataConfig, device: torch.device) -> Maker:
    """Reads a kept set, changed anew every time round."""
    from ..data.synthetic.kept import read_pairs

    kept = open_kept_people(data.kept)
    return lambda numbers, size: _plain(read_pairs(kept, numbers, data.seed, size=size)).to(device)


def _fixed(kind: str, data: DataConfig, device: torch.device) -> Maker:
    """Pairs that training never sees."""
    if kind == "figures":
        return lambda numbers, size: draw_pairs(_seeds(TEST_SEED, numbers, device), size)
    render = _renderer(device, test=True)
    return lambda numbers, size: _plain(render(_seeds(TEST_SEED, numbers, device), size))


def _renderer(device: torch.device, *, test: bool = False) -> Callable[[Tensor, tuple[int, int]], SyntheticPairs]:
    try:
        from ..data.synthetic.people import open_studio, render_pairs

        studio = open_studio(device)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"rendering people needs the package {error.name}, which is not installed; "
            'pip install "dptn-pose-transfer[train]"'
        ) from error
    return partial(render_pairs, studio, split="test" if test else "train")
