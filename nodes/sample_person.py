"""Sample Person."""

from __future__ import annotations

from ..dptn_core import samples
from ..dptn_core.image_io import read_image
from ..dptn_core.pose import Canvas, People, Pose, load_pose_file
from . import host
from .errors import node_error_context
from .host import io
from .images import to_host
from .inputs import checks_inputs
from .poses import to_wire
from .types import PoseType

_NODE = "Sample Person"
_DRAWN = "drawn figure (by seed)"
_SHIPPED = {
    "figure": (samples.FIGURE, samples.FIGURE_POSE),
    "photograph (astronaut)": (samples.PHOTOGRAPH, samples.PHOTOGRAPH_POSE),
    "photograph (dancer)": (samples.DANCER, samples.DANCER_POSE),
    "rendered person": (samples.RENDERED, samples.RENDERED_POSE),
    "photograph (studio)": (samples.STUDIO, samples.STUDIO_POSE),
}
_SIZE = (512, 384)  # (H, W) of drawn figures, the proportions the starter was trained at


class SamplePerson(io.ComfyNode):
    """A person that every machine has, so that shared workflows run without their author's files."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNSamplePerson",
            display_name="Sample Person (DPTN)",
            category="DPTN",
            description="A sample image and its pose, without files of yours: a figure, photographs and a rendered "
            "person that ship with the pack, or a figure drawn from a seed.",
            **host.search_words("example", "demo", "test image"),
            inputs=[
                io.Combo.Input(
                    "person",
                    options=[
                        *("figure", "photograph (astronaut)", _DRAWN, "photograph (dancer)", "rendered person"),
                        "photograph (studio)",
                    ],
                    default="figure",
                    tooltip="'drawn figure (by seed)' is drawn when the node runs; the others ship with the pack.",
                ),
                io.Int.Input(
                    "figure_seed",  # not "seed", which front ends change after every run
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    tooltip="Seed of the drawn figure; the other samples ignore it.",
                ),
            ],
            outputs=[
                io.Image.Output("image", display_name="IMAGE", tooltip="The person."),
                PoseType.Output("pose", display_name="POSE_KEYPOINT", tooltip="The person's pose in the image."),
            ],
        )

    @classmethod
    @checks_inputs()
    def execute(cls, person: str, figure_seed: int) -> io.NodeOutput:
        """Read the person, or draw the figure of `figure_seed`.

        Returns:
            Image (1, H, W, 3) in [0, 1], and POSE_KEYPOINT of one frame on its canvas.

        Raises:
            NodeError: a file of the pack is missing.
        """
        if person == _DRAWN:
            return _drawn(figure_seed)
        image, pose = _SHIPPED[person]
        with node_error_context(_NODE, "person"):
            return io.NodeOutput(to_host([read_image(image)]), to_wire(load_pose_file(pose)))


def _drawn(seed: int) -> io.NodeOutput:
    from ..dptn_core.data.synthetic.figures import draw_pairs, pair_seeds  # a third of the pack's import time

    pair = draw_pairs(pair_seeds(seed, 0, 1), _SIZE)
    canvas = Canvas(_SIZE[1], _SIZE[0])
    present = pair.source_present[0].double().numpy()
    pose = Pose(pair.source_keypoints[0].double().numpy(), present, canvas)
    return io.NodeOutput(to_host((pair.source + 1) / 2), to_wire([People((pose,), canvas)]))
