"""DeepFashion's In-shop Clothes Retrieval Benchmark, as PATN, GFLA and DPTN train and test on it.

Its owners give out `img.zip` (256x256, persons centred) and the password to it. The authors' pages link to the lists:
github.com/PangzeCheung/Dual-task-Pose-Transformer-Network and github.com/tengteng95/Pose-Transfer. Keypoints refer to
the middle 176 columns of an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..datasets.annotations import DataFileError
from ..datasets.prepared import FASHION_SQUARE, SIZES, Split
from .build import Progress, Published, Summary, build
from .originals import Originals, archive_originals, folder_originals, folders_below, open_archive
from .planning import SPLITS, Requirements, find_file, find_lists, plan_part

# Seen in the authors' folders and in what others made of them; those named "resize" refer to 176 columns for certain.
LIST_PREFIXES = ("fasion-resize", "fashion-resize", "fasion", "fashion")
# So many lines have train.lst and test.lst; so many pairs state the papers that use them.
PUBLISHED: dict[Split, Published] = {"train": Published(48_674, 101_966), "test": Published(4_038, 8_570)}

_GENDERS = ("MEN", "WOMEN")
_HIGH_RESOLUTION = "img_highres"
_WANTED = (
    f"expected {FASHION_SQUARE}x{FASHION_SQUARE}, the images of Img/img.zip of the In-shop Clothes Retrieval "
    "Benchmark. The published crop and keypoints do not fit the high-resolution originals (img_highres.zip)"
)
_KEYPOINTS = (
    f"the keypoints of this set refer to the middle {SIZES['deepfashion'][1]} columns of an image: use "
    "fasion-resize-annotation"
)
_IMAGES = (
    "img.zip comes from mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html, its password from the owners"
)
_MUST = Requirements((FASHION_SQUARE, FASHION_SQUARE), SIZES["deepfashion"], _WANTED, _KEYPOINTS)


def prepare_deepfashion(
    downloads: Path,
    out: Path,
    password: str | None = None,
    allow_missing: bool = False,
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Lay out DeepFashion in `out` from what was downloaded.

    Args:
        downloads: a folder that holds, at any depth, `img.zip` or the `img` folder in it, and the lists.
        out: folder for the set.
        password: of `img.zip`.
        allow_missing: leave out pairs whose images are missing, instead of stopping.
        progress: called after every image.

    Raises:
        DataFileError: something is missing or cannot be used; the message names it.
        ImageError: an image is damaged or not 256x256, as high-resolution originals are.
    """
    files, trees = _search(downloads, out)
    archive = find_file(files, ["img.zip", f"{_HIGH_RESOLUTION}.zip"])
    lacking = [] if trees or archive else [f"img.zip or the img folder in it ({_IMAGES})"]
    lists = find_lists(downloads, files, LIST_PREFIXES, lacking, names_wanted=True)
    with _originals(trees, archive, password) as originals:
        parts = {split: plan_part(lists[split], originals, (), _MUST) for split in SPLITS}
        return build("deepfashion", out, parts, _MUST, PUBLISHED, allow_missing, progress)


def flat_name(path: str) -> str | None:
    """The name that the lists give an image of `img.zip`, or None for anything else.

    `img/WOMEN/Blouses_Shirts/id_00000629/04_3_back.jpg` is `fashionWOMENBlouses_Shirtsid0000062904_3back.jpg`: the
    last four parts in a row, without the underscores of the third and without all but the first of the fourth.
    """
    parts = path.split("/")[-4:]
    if len(parts) < 4 or parts[0] not in _GENDERS or not parts[3].endswith(".jpg"):
        return None
    gender, category, item, file = parts
    number, _, view = file.partition("_")
    return f"fashion{gender}{category}{item.replace('_', '')}{number}_{view.replace('_', '')}"


def _search(downloads: Path, out: Path) -> tuple[list[Path], list[Path]]:
    """Every file of the downloads, and every folder that holds MEN or WOMEN; shallow ones first."""
    files: list[Path] = []
    trees: list[Path] = []
    for here, folders, names in folders_below(downloads, closed=_GENDERS, leave_out=out):
        files += [here / name for name in names]
        if any(gender in folders for gender in _GENDERS):
            trees.append(here)
    return files, trees


@contextmanager
def _originals(trees: list[Path], path: Path | None, password: str | None) -> Iterator[Originals]:
    """The images: of the extracted folder where there is one, else of the archive; high-resolution ones last."""
    places = sorted([*trees, *([path] if path else [])], key=lambda place: place.stem.lower() == _HIGH_RESOLUTION)
    if places[0] != path:
        yield folder_originals(places[0], flat_name)
        return
    with open_archive(path) as archive:
        found = archive_originals(archive, flat_name, password)
        if not found:
            raise DataFileError(f"{path} has no images in MEN or WOMEN: it belongs to another benchmark. {_IMAGES}")
        yield found
