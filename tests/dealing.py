"""How pytest-xdist deals tests to its processes: by file, and all that needs a ComfyUI host to one of them."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# These share one host and its front end, which take longer to start than most of the tests do.
ON_HOST = ("tests/nodes/", "tests/web/", "tests/workflows/", "tests/fuzz/test_prompts_fuzz.py")
# Files of more than half a minute, longest first: begun late, they would leave the other processes idle at the end.
LONG = (
    "tests/core/system/test_distributed.py",
    "tests/core/evaluation/test_runs.py",
    "tests/devices/test_devices.py",
    "tests/core/data/test_people.py",
    "tests/core/training/test_carrier_training.py",
    "tests/core/training/test_photographs.py",
    "tests/core/training/test_train_command.py",
    "tests/core/evaluation/test_people_scores.py",
    "tests/core/evaluation/test_texture_scores.py",
    "tests/core/data/test_kept.py",
    "tests/core/test_cli.py",
    "tests/fuzz/test_documents_fuzz.py",
    "tests/fuzz/test_model_files_fuzz.py",
)


def unit_of(node_id: str) -> str:
    """What a test is dealt with: its file, or all tests on the host."""
    return "host" if node_id.startswith(ON_HOST) else node_id.split("::")[0]


def place(item: pytest.Item) -> int:
    """When a test is begun, lowest first."""
    unit = unit_of(item.nodeid)
    return -1 if unit == "host" else LONG.index(unit) if unit in LONG else len(LONG)


class ByFileAndHost(LoadScopeScheduling):
    """Deals whole units of `unit_of`, in the order the tests are in."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
