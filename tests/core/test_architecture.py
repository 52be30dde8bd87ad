"""Imports go one way, every module stands in a room, and no two share a name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
# A room imports from its own and from lines above it, never from beside or below.
FLOORS = (
    ("system",),
    ("image_io", "pose"),
    ("network",),
    ("checkpoint", "samples"),
    ("perceptual", "inpainting"),
    ("detection",),
    ("segmentation",),
    ("inference",),
    ("data",),
    ("training", "evaluation"),
    ("bench",),
    ("commands",),
    ("cli",),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the core package, by its dotted name below `dptn_core`."""
    core = ROOT / "dptn_core"
    return {
        ".".join(path.relative_to(core).with_suffix("").parts).removesuffix(".__init__"): path
        for path in core.rglob("*.py")
    }


def imported(name: str, path: Path) -> Iterator[str]:
    """What a module imports from `dptn_core`, dotted; imports inside functions count."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dptn_core"):
            pytest.fail(f"{path}:{node.lineno}: imports inside dptn_core are relative")


def room_of(name: str) -> str:
    return name.split(".")[0]


def test_the_corridor_holds_the_ways_in_and_images_alone() -> None:
    assert {path.stem for path in (ROOT / "dptn_core").glob("*.py")} == {"__init__", "cli", "image_io"}


@pytest.mark.parametrize(("name", "path"), sorted(modules().items()))
def test_imports_go_one_way(name: str, path: Path) -> None:
    room = room_of(name)
    if name == "__init__":
        return
    wrong = {
        target
        for target in imported(name, path)
        if room_of(target) != room and (room_of(target) not in FLOOR or FLOOR[room_of(target)] >= FLOOR[room])
    }
    assert not wrong, f"{name} may import from {[r for r in FLOOR if FLOOR[r] < FLOOR[room]]}, not {sorted(wrong)}"


def test_no_circle_of_folders() -> None:
    """Nor below the rooms: what a folder's modules import never leads back to it."""
    known = modules()

    def folder(name: str) -> str:
        return name if known[name].name == "__init__.py" else name.rpartition(".")[0] or name

    imports: dict[str, set[str]] = {}
    for name, path in known.items():
        for target in imported(name, path):
            module = target if target in known else target.rpartition(".")[0]
            if module in known and folder(module) != folder(name):
                imports.setdefault(folder(name), set()).add(folder(module))
    TopologicalSorter(imports).prepare()  # raises CycleError


def test_no_two_modules_share_a_name() -> None:
    """A command's file is named after its command; all others are to be told apart by their names alone."""
    files = [path for path in modules().values() if path.parent.name != "commands"]
    files += (ROOT / "nodes").glob("*.py")
    names = Counter(path.stem for path in files if path.stem != "__init__")
    assert not [name for name, count in names.items() if count > 1]


def test_neither_core_nor_host_know_each_other() -> None:
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            tops = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            tops += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {top.split(".")[0] for top in tops} & {"comfy", "comfy_api", "folder_paths", "nodes"}, path


def test_nodes_convert_call_and_convert_back() -> None:
    """What a node does belongs to the core: `execute` stays short, its signature and docstring aside."""
    found = 0
    for path in sorted((ROOT / "nodes").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "execute":
                first = node.body[1] if ast.get_docstring(node) else node.body[0]
                assert (node.end_lineno or 0) - first.lineno + 1 < 25, path.name
                assert ast.get_docstring(node), path.name
                assert any("checks_inputs" in ast.dump(decorator) for decorator in node.decorator_list), path.name
                found += 1
    assert found > 10
