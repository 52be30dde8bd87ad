"""Examples of photographs: poses and mattes as detector and segmenter found them, and no true correspondence."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...checkpoint import DPTNModel
from ...data.datasets import DataFileError, PreparedSet, open_prepared
from ...data.synthetic.synthetic_pairs import LIMBS, PeoplePairs, by_side, joined
from ...image_io import ImageError, resize
from ...network.carrier import places
from ...segmentation import BlazePoseSegmenter, SegmentationError, person_mask
from ..photograph_pairs import check_proportions as check_set_proportions
from ..toml_tables import ConfigError
from .carrier_config import CarrierConfig
from .examples import UNKNOWN, Examples, make_examples
from .makers import NamedModel, check_proportions
from .store import SHARD

_LOG = logging.getLogger(__name__)
_SHOWN: Final = 12


class PhotographMaker:
    """Pairs of a folder that `dptn prepare` made, in another order every time round."""

    def __init__(self, config: CarrierConfig, models: Sequence[NamedModel], segmenter: BlazePoseSegmenter) -> None:
        """Open the set.

        Raises:
            ConfigError: it is not named, or images would be stretched.
            DataFileError: the folder holds none.
        """
        if not config.data.root:
            raise ConfigError("data.root is empty; name a folder that 'dptn prepare' made, there or with --data")
        root = Path(config.data.root)
        self._train = open_prepared(root, "train")
        if self._train.framing != "fit":
            raise ConfigError(
                f"data.root: the network sees the people of {root} stretched; name an image folder that "
                "'dptn prepare folder' made"
            )
        check_set_proportions(self._train, config.size)
        check_proportions(config, models)
        self._data, self._size, self._models, self._segmenter = config.data, config.size, models, segmenter
        self._seen: dict[str, tuple[Tensor, Tensor] | None] = {}  # images and mattes by path; None: of no use
        self.made_of = {
            "data": f"{self._train.kind} ({len(self._train.pairs)} pairs, {len(self._train.annotations)} images)",
            "seed": str(self._data.seed),
            "generators": "; ".join(model.name for model in models),
        }

    def examples(self, shard: int, inside: range) -> Examples:
        """See Maker.

        Raises:
            DataFileError: not a single pair can be used.
        """
        dice = np.random.default_rng((self._data.seed, shard))
        model = self._models[int(dice.integers(len(self._models)))].model
        pairs = joined([self._pair(self._train, shard * SHARD + number) for number in inside])
        return self._made(pairs, model)

    def shown(self) -> Examples:
        """See Maker; pairs that are held back for testing, where there are some."""
        try:
            images = open_prepared(self._train.root, "test")
        except DataFileError:
            images = self._train
        count = min(_SHOWN, len(images.pairs))
        step = len(images.pairs) // count + 1  # neighbours share an image: not all of one target
        pairs = joined([self._pair(images, number * step, shuffled=False) for number in range(count)])
        return self._made(pairs, self._models[0].model)

    def _made(self, pairs: PeoplePairs, model: DPTNModel) -> Examples:
        """Examples whose masks are the mattes, which the segmenter has found already."""
        examples = make_examples(pairs, model, None)
        return replace(examples, mask=examples.source_matte.clone())

    def _pair(self, images: PreparedSet, number: int, *, shuffled: bool = True) -> PeoplePairs:
        """Pair `number`, or the next one that can be used."""
        count = len(images.pairs)
        rounds, place = divmod(number, count)
        order = np.random.default_rng((self._data.seed, rounds)).permutation(count) if shuffled else range(count)
        for further in range(count):
            names = images.pairs[order[(place + further) % count]]
            found = [self._look(images, name) for name in names]
            if found[0] is not None and found[1] is not None:
                return self._as_pair(images, names, (found[0], found[1]))
        raise DataFileError(f"{images.folder}: the segmenter finds both people in no pair")

    def _look(self, images: PreparedSet, name: str) -> tuple[Tensor, Tensor] | None:
        """An image (3, H, W) uint8 and the person's matte (H, W) uint8; None: of no use, logged once."""
        key = f"{images.split}/{name}"
        if key not in self._seen:
            try:
                image = images.image(name)
                matte = person_mask(self._segmenter, image, images.pose(name))
                self._seen[key] = (_bytes(resize(image, self._size)), _bytes(resize(matte[None], self._size)[0]))
            except (ImageError, SegmentationError) as error:
                _LOG.warning("skipped %s: %s", key, error)
                self._seen[key] = None
        return self._seen[key]

    def _as_pair(
        self, prepared: PreparedSet, names: tuple[str, str], seen: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]
    ) -> PeoplePairs:
        height, width = self._size
        factor = torch.tensor([width / prepared.size[1], height / prepared.size[0]])
        annotations = torch.from_numpy(np.stack([prepared.annotations[name] for name in names]).astype(np.float32))
        present = annotations[..., 2] > 0
        images, mattes = (torch.stack(of_both).float() for of_both in zip(*seen, strict=True))
        unknown = torch.full((2, height, width), UNKNOWN, dtype=torch.uint8)
        return PeoplePairs(
            **by_side(
                images / 127.5 - 1,
                keypoints=annotations[..., :2] * factor,
                present=present,
                visible=present,
                mask=mattes / 255 > 0.5,
                matte=mattes / 255,
                parts=unknown,
                garments=unknown,
            ),
            correspondence=(places(self._size) * height)[None],  # nobody knows
            seen=torch.zeros(1, height, width, dtype=torch.bool),
            limb_depth=torch.zeros(1, 2, len(LIMBS)),
        )


def _bytes(values: Tensor) -> Tensor:
    return (values.clamp(0, 1) * 255).round().byte()
