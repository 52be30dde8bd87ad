"""Images and poses that ship, so that a first run needs nothing of one's own."""

from pathlib import Path

FOLDER = Path(__file__).parent
FIGURE, FIGURE_POSE = FOLDER / "figure.png", FOLDER / "figure.json"
PHOTOGRAPH, PHOTOGRAPH_POSE = FOLDER / "astronaut.jpg", FOLDER / "astronaut.json"
DANCER, DANCER_POSE = FOLDER / "dancer.jpg", FOLDER / "dancer.json"
STUDIO, STUDIO_POSE = FOLDER / "studio.jpg", FOLDER / "studio.json"
RENDERED, RENDERED_POSE = FOLDER / "rendered.jpg", FOLDER / "rendered.json"
FIGURE_TARGETS = tuple(FOLDER / "poses" / f"{name}.json" for name in ("wave", "walk", "cheer"))
PHOTOGRAPH_TARGETS = (FOLDER / "poses" / "astronaut_raised_arm.json",)

# The first is the one Load Pose starts with.
POSES = {
    path.stem: path for path in (*FIGURE_TARGETS, *PHOTOGRAPH_TARGETS, FOLDER / "poses" / "greeting_sequence.json")
}
