"""Which people or images are held back for testing, and which pairs are made of the others."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from image_folder_fixture import SIZE

from dptn_core.data.custom.image_folder import Kept, sample_pairs
from dptn_core.data.custom.image_folder import split_people as split
from dptn_core.data.custom.own_images import OwnImage
from dptn_core.inference.box import Box
from dptn_core.inference.framing import Frame
from dptn_core.pose import Canvas, Pose


def kept(**people: int) -> list[Kept]:
    """So many images of everybody."""
    canvas = Canvas(10, 10)
    pose, frame = Pose(np.ones((18, 2)), np.ones(18), canvas), Frame(Box(0, 0, 10, 10), canvas, SIZE)
    return [
        Kept(OwnImage(Path(f"{name}/{index}.png"), name), f"{name}-{index}.png", pose, frame)
        for name, count in people.items()
        for index in range(count)
    ]


def people_of(images: list[Kept]) -> set[str]:
    return {one.image.person for one in images}


MANY = {f"p{number}": 3 for number in range(20)}


class TestSplitting:
    @pytest.mark.parametrize(("fraction", "held"), [(0.1, 2), (0.001, 1), (0.5, 10), (1.0, 19)])
    def test_many_people_are_split_by_person(self, fraction: float, held: int) -> None:
        images = kept(**MANY)
        splits, by_person = split(images, fraction, 0)
        assert by_person and len(people_of(splits["test"])) == held
        assert not people_of(splits["train"]) & people_of(splits["test"])
        assert sorted(one.name for part in splits.values() for one in part) == sorted(one.name for one in images)

    @pytest.mark.parametrize(("fraction", "held"), [(0.1, 2), (0.5, 5), (1.0, 8), (0.0, 0)])
    def test_of_few_people_images_are_held_back(self, fraction: float, held: int) -> None:
        splits, by_person = split(kept(anna=10, ben=10), fraction, 0)
        assert not by_person
        for name in ("anna", "ben"):
            counts = {part: sum(one.image.person == name for one in images) for part, images in splits.items()}
            assert counts == {"train": 10 - held, "test": held}

    @pytest.mark.parametrize("count", [2, 3])
    def test_a_pair_to_learn_from_comes_first(self, count: int) -> None:
        splits, _ = split(kept(anna=count), 1.0, 0)
        assert (len(splits["train"]), len(splits["test"])) == (count, 0)

    def test_none_are_held_back_of_many_either(self) -> None:
        splits, by_person = split(kept(**MANY), 0.0, 0)
        assert not by_person and not splits["test"]

    def test_another_seed_is_another_split_and_the_same_is_the_same(self) -> None:
        first, again, other = (people_of(split(kept(**MANY), 0.2, seed)[0]["test"]) for seed in (1, 1, 2))
        assert first == again != other

    def test_more_people_move_nobody_from_training_into_the_test(self) -> None:
        before, _ = split(kept(**MANY), 0.2, 0)
        more, _ = split(kept(**MANY, late=3), 0.2, 0)
        assert people_of(more["test"]) - {"late"} <= people_of(before["test"])


class TestPairs:
    def test_every_ordered_pair_of_a_person_and_no_other(self) -> None:
        pairs = sample_pairs(kept(anna=3, ben=2), 100, 0)
        names = [f"anna-{index}.png" for index in range(3)]
        assert sorted(pairs) == sorted([*permutations(names, 2), *permutations(["ben-0.png", "ben-1.png"], 2)])

    @pytest.mark.parametrize("most", [1, 7, 89, 90])
    def test_drawn_by_chance_none_comes_twice(self, most: int) -> None:
        pairs = sample_pairs(kept(anna=10, ben=10), most, 3)
        assert len(set(pairs)) == len(pairs) == 2 * most
        assert all(source != target and source[:3] == target[:3] for source, target in pairs)
        assert pairs == sample_pairs(kept(anna=10, ben=10), most, 3)

    def test_very_many_images_cost_what_is_drawn(self) -> None:
        assert len(set(sample_pairs(kept(film=20_000), 50, 0))) == 50

    def test_chance_reaches_every_pair(self) -> None:
        found = {pair for seed in range(200) for pair in sample_pairs(kept(anna=4), 3, seed)}
        assert len(found) == 12
