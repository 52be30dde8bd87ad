"""What installing and starting the pack does to a host."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from comfy_host import PACK, find_host

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def requirements() -> list[str]:
    lines = (PACK / "requirements.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_requirements_and_pyproject_say_the_same_but_for_torch():
    project = tomllib.loads((PACK / "pyproject.toml").read_text())
    dependencies = project["project"]["dependencies"]
    assert [one for one in dependencies if not one.startswith("torch")] == requirements()
    assert len(dependencies) == len(requirements()) + 1
    assert "web" not in project["tool"]["comfy"]  # WEB_DIRECTORY is declared in __init__.py


def test_every_file_that_a_document_links_to_is_there():
    for page in [PACK / "README.md", PACK / "CONTRIBUTING.md", *(PACK / "web" / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_installing_the_requirements_changes_nothing_on_a_host():
    found = find_host()
    if isinstance(found, str):
        pytest.skip(found)
    command = [found[1], "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", "-r"]
    run = subprocess.run([*command, PACK / "requirements.txt"], capture_output=True, text=True, check=False)
    if "No module named pip" in run.stderr:
        pytest.skip("the host's environment has no pip")
    assert run.returncode == 0, run.stderr
    installs = [one["metadata"]["name"] for one in json.loads(run.stdout)["install"]]
    assert installs == []


def test_the_pack_is_imported_without_errors(host):
    log = host.log.read_text(errors="replace")
    times = re.search(r"([\d.]+) seconds( \(IMPORT FAILED\))?: \S*dptn-pose-transfer", log)
    assert times is not None and times[2] is None
    assert len([name for name in host.get("/object_info") if name.startswith("DPTN")]) == 15


def test_importing_the_pack_imports_nothing_heavy_and_opens_no_connection():
    """In the host's own Python, with its modules loaded and sockets forbidden."""
    found = find_host()
    if isinstance(found, str):
        pytest.skip(found)
    program = """
import asyncio, importlib.util, socket, sys
sys.argv = ["main.py", "--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
import torch, folder_paths, comfy.model_management, comfy.model_patcher, comfy.utils, comfy_api.latest
def refused(*_):
    raise AssertionError("a connection was opened")
socket.socket.connect = refused
before = set(sys.modules)
path = sys.argv_path
spec = importlib.util.spec_from_file_location(path, path + "/__init__.py")
module = importlib.util.module_from_spec(spec)
sys.modules[path] = module
spec.loader.exec_module(module)
async def start():
    extension = await module.comfy_entrypoint()
    return [node.GET_SCHEMA().node_id for node in await extension.get_node_list()]
assert len(asyncio.run(start())) == 15
new = {name.split(".")[0] for name in set(sys.modules) - before if not name.startswith(path)}
print(sorted(new & {"cv2", "transformers", "controlnet_aux", "scipy", "torchvision", "skimage", "huggingface_hub"}))
"""
    run = subprocess.run(
        [found[1], "-c", f"import sys; sys.argv_path = {str(PACK)!r}\n{program}"],
        cwd=found[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip().splitlines()[-1] == "[]"


def test_the_pack_loads_from_a_folder_with_another_name(odd_host):
    """A clone may be called anything, with spaces and dots."""
    assert len([name for name in odd_host.get("/object_info") if name.startswith("DPTN")]) == 15


@pytest.mark.parametrize("path", sorted((PACK / "nodes").glob("*.py")), ids=lambda path: path.stem)
def test_only_one_file_knows_the_host_and_imports_are_relative(path):
    host_modules = {"comfy", "comfy_api", "folder_paths", "server", "nodes", "execution"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = {(node.module or "").split(".")[0]}
        else:
            continue
        assert path.name == "host.py" or not modules & host_modules, modules
        assert "dptn_core" not in modules, "import it relatively: the host loads the pack under a path"


def test_node_ids_are_literals_of_classes_directly_on_comfynode():
    """ComfyUI-Manager finds missing nodes by reading source."""
    found = {}
    for path in (PACK / "nodes").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "io.ComfyNode" for base in node.bases):
                ids = [
                    keyword.value.value
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call)
                    for keyword in call.keywords
                    if keyword.arg == "node_id" and isinstance(keyword.value, ast.Constant)
                ]
                found[node.name] = ids
    schemas = json.loads(Path(__file__).with_name("schemas.json").read_text())
    assert sorted(name for (name,) in found.values()) == sorted(schemas)
