"""The hosts and front ends that tests can choose from: the first host runs them all but those it must skip."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from comfy_host import Host, find_host, is_host, python_of, running_host

PACKAGE = "comfyui_frontend_package"
UNKNOWN = (0,)
Version = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A host and the front end it serves."""

    folder: Path
    python: Path
    version: Version  # of the front end
    front_end: Path | None = None  # static files in place of the host's own


def find_places() -> list[Place] | str:
    """The host of `find_host` first, then all others with their own front ends, then the last with the others'.

    More hosts are looked for in COMFYUI_PATHS, then beside the first in folders whose names begin with "ComfyUI"; other
    front ends in the folders of COMFYUI_FRONTENDS, made by
    `pip install --no-deps --target FOLDER comfyui-frontend-package`.

    Returns:
        The places, or why there is none.
    """
    first = find_host()
    if isinstance(first, str):
        return first
    beside = [one for one in sorted(first[0].parent.glob("ComfyUI*")) if is_host(one)]
    others = [
        (one, python_of(one)) for one in named_in("COMFYUI_PATHS") or beside if one.resolve() != first[0].resolve()
    ]
    places = [Place(*first, front_end_of(first[1]))]
    places += [Place(*one, version) for one in others if (version := front_end_of(one[1])) != UNKNOWN]
    for folder in named_in("COMFYUI_FRONTENDS"):
        version = version_of([path.name for path in folder.glob(f"{PACKAGE}-*.dist-info")])
        places.append(Place(places[-1].folder, places[-1].python, version, folder / PACKAGE / "static"))
    return places


def named_in(variable: str) -> list[Path]:
    """The folders that a variable of the environment lists."""
    return [Path(one) for one in os.environ.get(variable, "").split(os.pathsep) if one]


def front_end_of(python: Path) -> Version:
    """Version of the front end installed for a Python; UNKNOWN where there is none."""
    asked = "import importlib.metadata as known; print(known.version('comfyui-frontend-package'))"
    return version_of(
        subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False).stdout.splitlines()
    )


def version_of(names: list[str]) -> Version:
    """The first version of three numbers in some names, or UNKNOWN."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", " ".join(names))
    return tuple(map(int, found.groups())) if found else UNKNOWN


class Hosts:
    """Hosts that are started when a test first wants them, and end together."""

    def __init__(self, places: list[Place], new_folder: Callable[[], Path], stack: ExitStack) -> None:
        self.places, self._new_folder, self._stack = places, new_folder, stack
        self._running: dict[Place, Host] = {}
        self.versions: set[str] = set()

    def first(self) -> Host:
        return self.at(self.places[0])

    def with_front_end(self, oldest: Version) -> Host | None:
        """A host that serves a front end of at least this version: the first if it can, or else the newest."""
        able = [place for place in self.places if place.version >= oldest]
        if not able:
            return None
        return self.at(able[0] if able[0] == self.places[0] else max(able, key=lambda place: place.version))

    def at(self, place: Place) -> Host:
        if place not in self._running:
            options = ["--front-end-root", str(place.front_end)] if place.front_end else []
            base = self._new_folder() / "base"
            running = self._stack.enter_context(running_host(place.folder, place.python, base, *options))
            version = running.get("/system_stats")["system"]["comfyui_version"]
            self.versions.add(f"ComfyUI {version} with front end {'.'.join(map(str, place.version))}")
            self._running[place] = running
        return self._running[place]


@contextmanager
def hosts_of(places: list[Place], new_folder: Callable[[], Path]) -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(places, new_folder, stack)
