"""Market-1501 (64x128), as PATN, GFLA and DPTN train and test on it: train on `bounding_box_train`, test on `..._test`.

The images come from zheng-lab.cecs.anu.edu.au/Project/project_reid.html, the lists from the authors' pages, see
`deepfashion`. Images keep their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ..datasets.annotations import DataFileError, read_names
from ..datasets.prepared import SIZES, Split
from .build import Progress, Published, Summary, build
from .originals import Originals, Rename, archive_originals, folder_originals, folders_below, open_archive
from .planning import SPLITS, Lists, Part, Requirements, find_lists, plan_part

# 12,936 by the data set's own page; nobody states how many test images are used.
PUBLISHED: dict[Split, Published] = {"train": Published(12_936, 263_632), "test": Published(None, 12_000)}

_FOLDERS: dict[Split, str] = {"train": "bounding_box_train", "test": "bounding_box_test"}
_CLOSED = (*_FOLDERS.values(), "query", "gt_bbox", "gt_query")
# 0002_c1s1_000451_03.jpg: person, camera, sequence, frame, box. Junk begins with -1 and is no image of a person.
_PERSON = re.compile(r"\d{4}_c\ds\d_\d{6}_\d{2}\.jpg")
_SIZE = SIZES["market"]
_MUST = Requirements(
    _SIZE,
    _SIZE,
    f"expected {_SIZE[1]}x{_SIZE[0]}, as in Market-1501-v15.09.15.zip",
    "they belong to another set",
)
_IMAGES = "Market-1501-v15.09.15.zip comes from zheng-lab.cecs.anu.edu.au/Project/project_reid.html"


def prepare_market(
    downloads: Path,
    out: Path,
    allow_missing: bool = False,
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Lay out Market-1501 in `out` from what was downloaded.

    Every image of a person is laid out, as scores are taken against all of them; junk only where a list names it.

    Args:
        downloads: a folder that holds, at any depth, `Market-1501-v15.09.15.zip` or what is in it, and the lists.
        out: folder for the set.
        allow_missing: leave out pairs whose images are missing, instead of stopping.
        progress: called after every image.

    Raises:
        DataFileError: something is missing or cannot be used; the message names it.
        ImageError: an image is damaged or not 64x128.
    """
    files: list[Path] = []
    trees: dict[str, Path] = {}
    for here, folders, names in folders_below(downloads, closed=_CLOSED, leave_out=out):
        files += [here / name for name in names]
        for name in folders:
            trees.setdefault(name, here / name)
    archives = [path for path in files if path.suffix.lower() == ".zip" and "market" in path.name.lower()]
    unseen = [name for name in _FOLDERS.values() if name not in trees]
    lacking = []
    if unseen and not archives:
        lacking.append(f"Market-1501-v15.09.15.zip or its folders {' and '.join(unseen)} ({_IMAGES})")
    lists = find_lists(downloads, files, ("market",), lacking, names_wanted=False)
    with _originals(trees, archives) as originals:
        parts = {split: _part(lists[split], originals[split]) for split in SPLITS}
        return build("market", out, parts, _MUST, PUBLISHED, allow_missing, progress)


@contextmanager
def _originals(trees: dict[str, Path], archives: list[Path]) -> Iterator[dict[Split, Originals]]:
    """The images of each split: of the extracted folders where both are there, else of the archive."""
    with ExitStack() as opened:
        if all(name in trees for name in _FOLDERS.values()):
            yield {split: folder_originals(trees[name], _name_within(name)) for split, name in _FOLDERS.items()}
            return
        for path in archives:
            archive = opened.enter_context(open_archive(path))
            found = {split: archive_originals(archive, _name_within(name)) for split, name in _FOLDERS.items()}
            if all(found.values()):
                yield found
                return
        raise DataFileError(f"{archives[0]} has no {' and no '.join(_FOLDERS.values())} with images. {_IMAGES}")


def _part(lists: Lists, originals: Originals) -> Part:
    persons = [name for name in originals if _PERSON.fullmatch(name)]
    return plan_part(lists if _is_own(lists.names) else replace(lists, names=None), originals, persons, _MUST)


def _is_own(names: Path | None) -> bool:
    """Whether a train.lst is of this set, and not of a DeepFashion in the same downloads."""
    return names is not None and any(_PERSON.fullmatch(name) for name in read_names(names))


def _name_within(folder: str) -> Rename:
    """The file names of one folder of the download."""

    def name(path: str) -> str | None:
        parts = path.split("/")[-2:]
        return parts[1] if len(parts) == 2 and parts[0] == folder else None

    return name
