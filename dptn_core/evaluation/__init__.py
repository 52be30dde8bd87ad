"""How good a model is, in numbers that can be repeated.

`evaluate_drawn` scores the fixed test set of drawn figures in a few numbers. Everything else goes one way: cases (drawn
and true image, from `drawing` or `folders`) -> `score_cases` under a protocol -> `summarise` -> `write_report`.
Any share of the pairs can be scored by any process; `merge` puts the parts together.
"""

from .cases import Case, Skipped
from .fid_reference import FidReference, read_fid_reference
from .figure_scores import DrawnScores, evaluate_drawn
from .generation import draw_figures, draw_prepared
from .image_folders import match_folders, read_matches
from .protocols import PROTOCOLS, Protocol
from .ranked_examples import Ranking
from .report import check_folder, to_json, write_report
from .scoring import Networks, Part, load_networks, merge, score_cases, share_of
from .summary import summarise

__all__ = [
    "PROTOCOLS",
    "Case",
    "DrawnScores",
    "FidReference",
    "Networks",
    "Part",
    "Protocol",
    "Ranking",
    "Skipped",
    "check_folder",
    "draw_figures",
    "draw_prepared",
    "evaluate_drawn",
    "load_networks",
    "match_folders",
    "merge",
    "read_fid_reference",
    "read_matches",
    "score_cases",
    "share_of",
    "summarise",
    "to_json",
    "write_report",
]
