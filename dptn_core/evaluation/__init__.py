"""How good a model is, in numbers that can be repeated.

`evaluate_drawn` scores the fixed test set of drawn figures in a few numbers. Everything else goes one way: cases (drawn
and true picture, from `drawing` or `folders`) -> `score_cases` under a protocol -> `summarise` -> `write_report`.
Any share of the pairs can be scored by any process; `merge` puts the parts together.
"""

from .cases import Case, Skipped
from .drawing import draw_figures, draw_prepared
from .drawn import DrawnScores, evaluate_drawn
from .folders import match_folders, read_matches
from .protocols import PROTOCOLS, Protocol
from .real_side import RealSide, real_side
from .report import check_folder, to_json, write_report
from .scoring import Networks, Part, load_networks, merge, score_cases, share_of
from .shown import Ranking
from .summary import summarise

__all__ = [
    "PROTOCOLS",
    "Case",
    "DrawnScores",
    "Networks",
    "Part",
    "Protocol",
    "Ranking",
    "RealSide",
    "Skipped",
    "check_folder",
    "draw_figures",
    "draw_prepared",
    "evaluate_drawn",
    "load_networks",
    "match_folders",
    "merge",
    "read_matches",
    "real_side",
    "score_cases",
    "share_of",
    "summarise",
    "to_json",
    "write_report",
]
