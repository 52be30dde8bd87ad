"""Extract Pose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from ..dptn_core.detection import detect_frames, load_movenet
from ..dptn_core.detection.external import (
    OPENPOSE_BODY,
    PERSONS,
    VITPOSE,
    PoseDetector,
    Weights,
    download_weights,
    find_weights,
    load_openpose,
    load_vitpose,
    missing_weights_message,
)
from ..dptn_core.pose import PERSON_CHOICES, NoPersonError, People, choose_person, draw_skeleton
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .images import bytes_to_host, image_of
from .inputs import checks_inputs
from .poses import to_wire
from .types import PoseType

_NODE = "Extract Pose"
_BUILT_IN, _VITPOSE, _OPENPOSE = "built in", "ViTPose", "OpenPose (non-commercial)"
_EVERYBODY = "everybody"
_KEEP_OFFLINE, _DOWNLOAD = "stop with an error", "download them"
_WHOLE_BODY_FOLDER = "vitpose-wholebody"  # of a ViTPose for COCO-WholeBody, in the folder of annotators
_ROOM = 2**29  # bytes that the built-in detector works in: eight people at once take two thirds of it


class ExtractPose(io.ComfyNode):
    """Who is in an image and in which pose."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNExtractPose",
            display_name="Extract Pose (OpenPose, DPTN)",
            category="DPTN",
            description="Finds people and their poses in images. The built-in detector ships; ViTPose and OpenPose "
            "need weights that do not: see this node's help.",
            **host.search_words("openpose", "dwpose", "controlnet preprocessor", "detect pose", "skeleton"),
            inputs=[
                io.Image.Input("image", tooltip="One image or a batch, such as the frames of a video."),
                io.Combo.Input(
                    "detector",
                    options=[_BUILT_IN, _VITPOSE, _OPENPOSE],
                    default=_BUILT_IN,
                    tooltip="built in: MoveNet, Apache-2.0, ships with the pack; quick on frames of a video. ViTPose: "
                    "Apache-2.0, a whole-body model gives hands, face and feet. OpenPose: needs controlnet-aux; code "
                    "and weights are for non-commercial use.",
                ),
                io.Combo.Input(
                    "people",
                    options=[_EVERYBODY, *PERSON_CHOICES],
                    default=_EVERYBODY,
                    tooltip="Who to keep when there are several people.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Remove joints with less confidence. Lower it if joints are missing.",
                ),
                io.Combo.Input(
                    "missing_weights",
                    options=[_KEEP_OFFLINE, _DOWNLOAD],
                    default=_KEEP_OFFLINE,
                    tooltip="What to do when the weights of ViTPose or OpenPose are not on this machine. The node "
                    "downloads them only with 'download them'.",
                ),
                io.Boolean.Input(
                    "scores",
                    default=False,
                    optional=True,
                    tooltip="Output confidences of 0 to 1 instead of 1, for Clean Poses. Some packs ignore joints "
                    "below 1.",
                ),
            ],
            outputs=[
                PoseType.Output("pose", display_name="POSE_KEYPOINT", tooltip="One frame for each image."),
                io.Image.Output(
                    "skeleton", display_name="skeleton", tooltip="The skeletons, drawn for OpenPose ControlNets."
                ),
            ],
        )

    @classmethod
    @checks_inputs()
    def execute(
        cls,
        image: Tensor,
        detector: str,
        people: str,
        threshold: float,
        missing_weights: str,
        scores: bool = False,
    ) -> io.NodeOutput:
        """Find people in each image (B, H, W, C).

        Returns:
            POSE_KEYPOINT of B frames, and skeletons (B, H, W, 3).

        Raises:
            NodeError: an input cannot be read, or a detector's weights or packages are missing.
        """
        found = (
            _built_in(image, threshold)
            if detector == _BUILT_IN
            else _loaded(image, detector, threshold, download=missing_weights == _DOWNLOAD)
        )
        each = host.with_progress(found, len(image))
        frames = [everybody if people == _EVERYBODY else _only(everybody, people) for everybody in each]
        return io.NodeOutput(to_wire(frames, scores=scores), _skeletons(frames))


def _built_in(images: Tensor, threshold: float) -> Iterator[People]:
    """Everybody in each image, by the detector that ships; an image that continues the last one takes less time."""
    with node_error_context(_NODE, "detector"):
        network = load_movenet()
    patcher = host.managed(network)

    def each() -> Iterator[Tensor]:
        for number in range(len(images)):
            host.bring_to_device([patcher], _ROOM)
            yield image_of(images, number, _NODE, "image")

    with node_error_context(_NODE, "image"):
        yield from detect_frames(network, each(), threshold=threshold, check=host.stop_if_interrupted)


def _loaded(images: Tensor, detector: str, threshold: float, *, download: bool) -> Iterator[People]:
    """Everybody in each image, by a detector whose weights do not ship."""
    with node_error_context(_NODE, "detector"):
        found = _load(detector, download=download)
    # held until the end: what nobody holds, the host forgets that it has loaded
    patchers = [host.managed(network) for network in found.networks]
    for number in range(len(images)):
        image = image_of(images, number, _NODE, "image")
        host.bring_to_device(patchers)
        with node_error_context(_NODE, "image"):
            yield found.detect(image, threshold=threshold, check=host.stop_if_interrupted)


def _skeletons(frames: list[People]) -> Tensor:
    canvas = frames[0].canvas
    return bytes_to_host(
        (draw_skeleton(frame) for frame in frames), len(frames), (canvas.height, canvas.width), _NODE, "image"
    )


def _only(everybody: People, choice: str) -> People:
    """The chosen person, or nobody: a frame of a video without people is no failure."""
    try:
        return People((choose_person(everybody, choice),), everybody.canvas)
    except NoPersonError:
        return People((), everybody.canvas)


def _load(detector: str, *, download: bool) -> PoseDetector:
    if detector == _OPENPOSE:
        return load_openpose(_weights(OPENPOSE_BODY, download=download))
    persons = find_weights(PERSONS, host.annotator_folders())
    if persons is None and download:
        persons = _weights(PERSONS, download=True)
    whole = next((folder for base in host.annotator_folders() if (folder := base / _WHOLE_BODY_FOLDER).is_dir()), None)
    return load_vitpose(whole or _weights(VITPOSE, download=download), person_folder=persons)


def _weights(weights: Weights, *, download: bool) -> Path:
    folders = host.annotator_folders()
    found = find_weights(weights, folders)
    if found is not None:
        return found
    if not download:
        switch = f"The switch is 'missing_weights': '{_DOWNLOAD}'. Or choose '{_BUILT_IN}' as 'detector', which ships"
        raise NodeError(f"{_NODE}: {missing_weights_message(weights, folders)}. {switch}")
    return download_weights(weights, folders[0])
