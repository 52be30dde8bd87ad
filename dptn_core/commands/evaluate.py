"""`dptn evaluate`: score a model."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from .options import add_model, load_model_of, positive


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = "Score a model on the fixed test set of drawn figures."
    parser.add_argument("--pairs", type=positive, default=500, help="pairs to score (default: all 500)")
    add_model(parser)


def run(options: Namespace) -> None:
    """`dptn evaluate`."""
    from tqdm import tqdm

    from ..evaluation import evaluate_drawn

    model = load_model_of(options)
    with tqdm(total=options.pairs, unit="pair", dynamic_ncols=True) as bar:
        scores = evaluate_drawn(model, pairs=options.pairs, progress=lambda done: bar.update(done - bar.n))
    print(json.dumps(asdict(scores), indent=2))
