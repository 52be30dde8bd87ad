"""The images of a download as they come: members of a zip file, or files of the folder it was extracted to.

Nothing is extracted: images are read one at a time, and what an archive calls a member never becomes a path.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...image_io import ImageError
from ...system.files import real_path
from ..datasets.annotations import DataFileError

MAX_BYTES = 32 * 2**20  # an image of these sets has some 10 KiB; more than this is a bomb
_ENCRYPTED, _AES = 0x1, 99  # zip: the general purpose flag, and the "compression method" of AES members


@dataclass(frozen=True)
class Original:
    """One image of a download.

    Attributes:
        where: Its place, for messages.
        size: Its bytes.
        checksum: CRC-32 of its bytes where the archive states it, else None.
        read: Gives its bytes; raises DataFileError where they cannot be had.
    """

    where: str
    size: int
    checksum: int | None
    read: Callable[[], bytes]


Originals = dict[str, Original]  # by the name that the lists use
Rename = Callable[[str], str | None]  # path inside the download, parts apart by "/" -> name in the lists, None: no use


def folders_below(
    folder: Path, closed: Collection[str] = (), leave_out: Path | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder from `folder` down, shallow ones first, with the names of its folders and of its files.

    Args:
        folder: where to start. Symbolic links are followed, each folder is seen once.
        closed: names of folders that are not entered.
        leave_out: a folder that is not entered either.

    Raises:
        DataFileError: a folder that cannot be read.
    """
    queue = deque([folder])
    seen = {real_path(leave_out)} if leave_out else set()
    while queue:
        here = queue.popleft()
        if (real := real_path(here)) in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise DataFileError(f"{here} cannot be read: {error.strerror or error}") from error
        folders = [entry.name for entry in entries if entry.is_dir()]
        yield here, folders, [entry.name for entry in entries if entry.is_file()]
        queue.extend(here / name for name in folders if name not in closed)


def folder_originals(folder: Path, rename: Rename) -> Originals:
    """The images of an extracted download.

    Raises:
        DataFileError: a folder that cannot be read, or two images of one name.
    """
    found: Originals = {}
    for here, _, names in folders_below(folder):
        for path in (here / name for name in names):
            if name := rename(path.relative_to(folder.parent).as_posix()):
                _add(found, name, Original(str(path), path.stat().st_size, None, _file_reader(path)))
    return found


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a zip file; the caller closes it.

    Raises:
        DataFileError: it cannot be read, or is no whole zip file.
    """
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataFileError(f"{path} is not a complete zip file ({error}); download it again") from error


def archive_originals(archive: zipfile.ZipFile, rename: Rename, password: str | None = None) -> Originals:
    """The images in an open zip file.

    Raises:
        DataFileError: two different images of one name.
    """
    found: Originals = {}
    for info in archive.infolist():
        if not info.is_dir() and (name := rename(info.filename)):
            where = f"{archive.filename}, {info.filename}"
            _add(found, name, Original(where, info.file_size, info.CRC, _member_reader(archive, info, where, password)))
    return found


def read_checked(original: Original, size: tuple[int, int], wanted: str) -> bytes:
    """The bytes of an image that can be decoded and has this size (H, W).

    Args:
        original: which.
        size: (H, W) in pixels.
        wanted: what to say of another size.

    Raises:
        DataFileError: it cannot be read.
        ImageError: it is damaged or of another size.
    """
    data = original.read()
    try:
        # Headers first: a huge image is refused before it is decoded.
        with Image.open(io.BytesIO(data)) as image:
            found = image.size
            if found == size[::-1]:
                image.load()
    except Exception as error:  # a damaged file may fail anywhere in a decoder
        raise ImageError(f"{original.where} is damaged ({error}); download it again") from error
    if found != size[::-1]:
        raise ImageError(f"{original.where} is {found[0]}x{found[1]}; {wanted}")
    return data


def _add(found: Originals, name: str, original: Original) -> None:
    """Note an image; the same one a second time is as good as one."""
    other = found.setdefault(name, original)
    if (other.size, other.checksum) != (original.size, original.checksum):
        raise DataFileError(
            f"{other.where} and {original.where} are different images named {name}; remove the wrong one"
        )


def _file_reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise DataFileError(f"{path} is too large for an image of this set: more than {MAX_BYTES} bytes")
            return path.read_bytes()
        except OSError as error:
            raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from error

    return read


def _member_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, password: str | None
) -> Callable[[], bytes]:
    def read() -> bytes:
        if info.file_size > MAX_BYTES:
            raise DataFileError(f"{where} is too large for an image of this set: {info.file_size} bytes")
        if info.flag_bits & _ENCRYPTED:
            _check_lock(archive, info, password)
        try:
            return archive.read(info, password.encode() if password else None)  # compares the CRC
        except RuntimeError as error:
            raise DataFileError(f"{archive.filename} cannot be opened with that password ({error})") from error
        except OSError as error:
            raise DataFileError(f"{where} cannot be read: {error.strerror or error}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            # One wrong password in 256 gets as far as here.
            doubt = ", or the password is wrong" if password else ""
            raise DataFileError(f"{where} is damaged ({error}); download the archive again{doubt}") from error

    return read


def _check_lock(archive: zipfile.ZipFile, info: zipfile.ZipInfo, password: str | None) -> None:
    extract = "extract it into a folder beside it with a zip program"
    if info.compress_type == _AES:
        raise DataFileError(f"{archive.filename} is encrypted with AES, which cannot be read here; {extract}")
    if not password:
        raise DataFileError(
            f"{archive.filename} needs a password, which the owners of the data set give on request; "
            f"{extract}, or add --password"
        )
