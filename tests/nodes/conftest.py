"""A second host, unlike the first in all that tests ask of it: starting one takes long."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from comfy_host import PACK, Host, find_host, running_host


@pytest.fixture(scope="session")
def odd_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with the pack in a folder of another name, without the carrier, and with a log in cp1252.

    A log is cp1252 on Windows when its output goes to a file. Of other packs, only the probe is loaded.
    """
    found = find_host()
    if isinstance(found, str):
        pytest.skip(found)
    base = tmp_path_factory.mktemp("odd") / "base"
    pack = base / "custom_nodes" / "My pack.v1 (copy)"
    unneeded = shutil.ignore_patterns(".*", "tests", "benchmarks", "carrier.safetensors")
    shutil.copytree(PACK, pack, ignore=unneeded)
    options = ("--disable-all-custom-nodes", "--whitelist-custom-nodes", pack.name, "probe_pack")
    with running_host(*found, base, *options, PYTHONIOENCODING="cp1252:strict") as running:
        yield running
