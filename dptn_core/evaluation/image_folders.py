"""Two folders of images, generated and ground truth, matched by their names.

A generated image belongs to the ground truth of the same name, whatever the suffix. Failing that, names are read as the
field's test scripts write them, `<source>_2_<target>_vis`: what follows a `_2_` and ends before the last `_vis` is the
target's name, and what stands before it the source's. With a list of pairs the rule is turned round: each pair's
image is looked for as `<from>_2_<to>_vis`, `<from>_2_<to>`, and `<to>` where no other pair has that target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..image_io import ImageError, read_image
from .cases import Case, Skipped
from .masks import read_mask
from .protocols import beside

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_BETWEEN, _END = "_2_", "_vis"


class FolderError(ValueError):
    """Folders that cannot be compared; the message says which and why."""


@dataclass(frozen=True)
class Match:
    """A generated image and the files it belongs to; `ground_truth` is None where none was found."""

    generated: Path | None
    ground_truth: Path | None
    source: Path | None
    names: tuple[str, str]  # of source and target


def list_images(folder: Path) -> dict[str, Path]:
    """Images of a folder by name without suffix, sorted; of several formats the first of PNG, JPEG and so on.

    Raises:
        FolderError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder")
    files = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")]
    if not files:
        raise FolderError(f"{folder} holds no images ({', '.join(_SUFFIXES)})")
    files.sort(key=lambda path: (path.stem, -_SUFFIXES.index(path.suffix.lower())))
    return {path.stem: path for path in files}  # the last of a name stays


def match_folders(generated: Path, ground_truth: Path, pairs: Sequence[tuple[str, str]] | None = None) -> list[Match]:
    """Find the ground truth of every generated image; see the module's text for the rule.

    Args:
        generated: the folder of the generated images.
        ground_truth: the folder of the ground-truth images.
        pairs: names of source and target images, or None.

    Raises:
        FolderError: a folder is missing or empty, or nothing at all matches.
    """
    ours, theirs = list_images(generated), list_images(ground_truth)
    matches = _by_name(ours, theirs) if pairs is None else _by_list(ours, theirs, pairs)
    if not any(match.generated and match.ground_truth for match in matches):
        raise FolderError(
            f"no image in {generated} matches one in {ground_truth} (for example {next(iter(ours))} and "
            f"{next(iter(theirs))}). "
            f"Use equal names or <source>{_BETWEEN}<target>{_END}, or add --pairs-list"
        )
    return matches


def _by_name(ours: dict[str, Path], theirs: dict[str, Path]) -> list[Match]:
    matches = []
    for stem, path in ours.items():
        source, target = _read_name(stem, theirs)
        matches.append(Match(path, theirs.get(target), theirs.get(source), (source, target)))
    return matches


def _read_name(stem: str, known: dict[str, Path]) -> tuple[str, str]:
    """Names of source, maybe empty, and target."""
    if stem in known:
        return "", stem
    whole = stem.rpartition(_END)[0] if _END in stem else stem
    parts = whole.split(_BETWEEN)
    # a name may itself hold what stands between two: the longest target that exists is meant
    for cut in range(1, len(parts)):
        target = _BETWEEN.join(parts[cut:])
        if target in known:
            return _BETWEEN.join(parts[:cut]), target
    return "", whole


def _by_list(ours: dict[str, Path], theirs: dict[str, Path], pairs: Sequence[tuple[str, str]]) -> list[Match]:
    stems = [(PurePath(source).stem, PurePath(target).stem) for source, target in pairs]
    count = Counter(target for _, target in stems)
    matches = []
    for source, target in stems:
        both = f"{source}{_BETWEEN}{target}"
        path = ours.get(both + _END) or ours.get(both) or (ours.get(target) if count[target] == 1 else None)
        matches.append(Match(path, theirs.get(target), theirs.get(source), (source, target)))
    return matches


def read_matches(
    matches: Sequence[Match], numbers: Iterable[int], masks: Path | None = None
) -> Iterator[Case | Skipped]:
    """Read matched images.

    Args:
        matches: from `match_folders`.
        numbers: which of them; any share.
        masks: folder with a mask for each target image, of its name and size, or None.
    """
    for number in numbers:
        match = matches[number]
        try:
            yield _case(number, match, masks)
        except ImageError as error:
            yield Skipped(number, *match.names, str(error))


def _case(number: int, match: Match, masks: Path | None) -> Case:
    source, target = match.names
    if match.generated is None:
        raise ImageError(f"no generated image; expected {source}{_BETWEEN}{target}{_END}")
    if match.ground_truth is None:
        raise ImageError(f"{match.generated} has no ground truth; expected {target}")
    generated = read_image(match.generated)
    ground_truth = beside(read_image(match.ground_truth), (generated.shape[1], generated.shape[2]))
    mask = None if masks is None else read_mask(masks, target, (ground_truth.shape[1], ground_truth.shape[2]))
    shown = read_image(match.source) if match.source is not None else None
    return Case(number, source, target, generated, ground_truth, from_file=True, mask=mask, source_image=shown)
