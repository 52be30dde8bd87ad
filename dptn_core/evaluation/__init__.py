"""How good a model is, in numbers that can be repeated.

Everything goes one way: cases (generated image and ground truth; `generation`, `people_scores`, `image_folders`) ->
`score_cases` under a protocol -> `summarise` -> printed JSON, `write_report`, tables. `score_set` walks it for the sets
of `scored_sets`. Any share of the pairs can be scored by any process; `merge` puts the parts together.
"""

from .cases import Case, Skipped
from .fid_reference import FidReference, read_fid_reference
from .generation import generate_figures, generate_prepared
from .image_folders import match_folders, read_matches
from .people_scores import generate_people
from .protocols import PROTOCOLS, Protocol
from .ranked_examples import Ranking
from .report import report_folder, to_json, write_report
from .scored_sets import ScoredSet, figures_set, folders_set, people_set, prepared_set, score_set
from .scoring import Networks, Part, load_networks, merge, score_cases, share_of
from .summary import means, summarise

__all__ = [
    "PROTOCOLS",
    "Case",
    "FidReference",
    "Networks",
    "Part",
    "Protocol",
    "Ranking",
    "ScoredSet",
    "Skipped",
    "figures_set",
    "folders_set",
    "generate_figures",
    "generate_people",
    "generate_prepared",
    "load_networks",
    "match_folders",
    "means",
    "merge",
    "people_set",
    "prepared_set",
    "read_fid_reference",
    "read_matches",
    "report_folder",
    "score_cases",
    "score_set",
    "share_of",
    "summarise",
    "to_json",
    "write_report",
]
