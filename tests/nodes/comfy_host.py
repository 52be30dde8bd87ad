"""A real ComfyUI host in a process of its own, spoken to as its front end does: HTTP and a WebSocket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from websocket import create_connection  # of websocket-client

PACK = Path(__file__).resolve().parents[2]
PACK_NAME = "dptn-pose-transfer"
START_LIMIT, ANSWER_LIMIT = 400, 300  # seconds
_NEEDED = ("torch", "aiohttp", "av", "transformers")
# asks whether the packages are there; importing them takes as long as the host's own start
_KNOWN = """
import sys
from importlib.util import find_spec
lacking = [name for name in sys.argv[1:] if find_spec(name) is None]
if lacking:
    sys.exit("it lacks " + ", ".join(lacking))
"""
# main.py, which ends when whoever started it does, however that ends: then its standard input does
_START = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(1)), daemon=True).start()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def is_host(folder: Path) -> bool:
    """Whether ComfyUI is in a folder."""
    return (folder / "main.py").is_file() and (folder / "comfy").is_dir()


def python_of(folder: Path) -> Path:
    """The Python of a host: of an environment inside its folder, or the one that runs the tests."""
    inside = [folder / env / python for env in (".venv", "venv") for python in ("bin/python", "Scripts/python.exe")]
    return next(python for python in [*inside, Path(sys.executable)] if python.is_file())


@cache
def find_host() -> tuple[Path, Path] | str:
    """The host's folder and its Python, or why there is none.

    Looked for in COMFYUI_PATH, then in COMFYUI_PATHS, then two folders above the pack, then where comfy-cli installs.
    Its Python is COMFYUI_PYTHON, or that of `python_of`.
    """
    several = [path for path in os.environ.get("COMFYUI_PATHS", "").split(os.pathsep) if path]
    named = os.environ.get("COMFYUI_PATH") or next(iter(several), None)
    places = [Path(named)] if named else [PACK.parent.parent, Path.home() / "comfy" / "ComfyUI"]
    folder = next((place for place in places if is_host(place)), None)
    if folder is None:
        looked = ", ".join(str(place) for place in places)
        return f"no ComfyUI found in {looked}; set COMFYUI_PATH to its folder"
    chosen = os.environ.get("COMFYUI_PYTHON")
    python = Path(chosen) if chosen and Path(chosen).is_file() else python_of(folder)
    known = subprocess.run([python, "-c", _KNOWN, *_NEEDED], capture_output=True, text=True, check=False)
    if known.returncode:
        return f"{python} cannot run ComfyUI in {folder} ({known.stderr.strip().splitlines()[-1]}); set COMFYUI_PYTHON"
    return folder, python


@dataclass
class Run:
    """What one queued prompt did."""

    prompt_id: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    previews: int = 0

    @property
    def executed(self) -> list[str]:
        """Node ids that were run, in order; those the host took from its cache are not among them."""
        nodes = [m["data"]["node"] for m in self.messages if m["type"] == "executing" and m["data"].get("node")]
        return list(dict.fromkeys(nodes))

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """UI payload of each output node that ran."""
        return {m["data"]["node"]: m["data"]["output"] for m in self.messages if m["type"] == "executed"}

    @property
    def error(self) -> str | None:
        """Message of the node that failed."""
        found = [m["data"] for m in self.messages if m["type"] == "execution_error"]
        return found[0]["exception_message"] if found else None

    @property
    def interrupted(self) -> bool:
        return any(m["type"] == "execution_interrupted" for m in self.messages)

    @property
    def progress(self) -> list[int]:
        return [m["data"]["value"] for m in self.messages if m["type"] == "progress"]


class Rejected(ValueError):
    """The host did not accept a prompt; holds its answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(json.dumps(answer))
        self.answer = answer


class Host:
    """A running host."""

    def __init__(self, address: str, base: Path, process: subprocess.Popen[bytes], log: Path) -> None:
        self.address, self.base, self.process, self.log = address, base, process, log
        self.client = uuid.uuid4().hex
        self.front_end = ""  # its version, once a page has shown it
        self._socket: Any = None

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            content: bytes = answer.read()
            return content

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://{self.address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Rejected(json.loads(error.read())) from None

    def open(self) -> None:
        self._socket = create_connection(f"ws://{self.address}/ws?clientId={self.client}", timeout=ANSWER_LIMIT)

    def queue(self, prompt: dict[str, Any], targets: list[str] | None = None) -> str:
        body = {"prompt": prompt, "client_id": self.client}
        if targets is not None:
            body["partial_execution_targets"] = targets
        answer: str = self.post("/prompt", body)["prompt_id"]
        return answer

    def wait(self, prompt_id: str, until: Any = None) -> Run:
        """Collect messages until the prompt ends, or `until(run)` says so."""
        run = Run(prompt_id)
        end = time.monotonic() + ANSWER_LIMIT
        while time.monotonic() < end:
            message = self._socket.recv()
            if isinstance(message, bytes):
                run.previews += 1
                continue
            message = json.loads(message)
            if message.get("data", {}).get("prompt_id") != prompt_id:
                continue
            run.messages.append(message)
            ended = message["type"] == "executing" and message["data"]["node"] is None
            if ended or message["type"] in ("execution_error", "execution_interrupted", "execution_success"):
                return run
            if until is not None and until(run):
                return run
        raise TimeoutError(f"prompt {prompt_id} did not end; last messages: {run.messages[-3:]}")

    def run(self, prompt: dict[str, Any], targets: list[str] | None = None) -> Run:
        """Queue a prompt and wait for its end."""
        return self.wait(self.queue(prompt, targets))

    def complaints(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """The host's validation errors by node; what is valid beside them is run and waited for."""
        try:
            answer = self.post("/prompt", {"prompt": prompt, "client_id": self.client})
        except Rejected as rejected:
            found: dict[str, Any] = rejected.answer["node_errors"]
            return found
        self.wait(answer["prompt_id"])
        found = answer["node_errors"]
        return found

    def image(self, entry: dict[str, str]) -> Any:
        """The image an output names, (H, W, 3) uint8."""
        import io

        import numpy as np
        from PIL import Image

        content = self.fetch("/view?" + urllib.parse.urlencode(entry))
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))

    def memory(self) -> int:
        """Resident memory of the host's process in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")


@contextmanager
def running_host(folder: Path, python: Path, base: Path, *options: str, **environment: str) -> Iterator[Host]:
    """Start a host whose user folders are all in `base`, with this pack and the probe installed."""
    packs = base / "custom_nodes"
    packs.mkdir(parents=True, exist_ok=True)
    (packs / PACK_NAME).symlink_to(PACK, target_is_directory=True)
    (packs / "probe_pack").symlink_to(Path(__file__).parent / "probe_pack", target_is_directory=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = base / "host.log"
    command = [python, "-c", _START, "main.py", "--cpu", "--port", str(port), "--base-directory", str(base), *options]
    variables = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"} | environment
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=variables
        ) as process,
    ):
        host = Host(f"127.0.0.1:{port}", base, process, log)
        try:
            _wait_until_up(host)
            host.open()
            yield host
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_up(host: Host) -> None:
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end:
        if host.process.poll() is not None:
            break
        try:
            host.get("/system_stats")
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the host did not start:\n{host.log.read_text(errors='replace')[-3000:]}")
