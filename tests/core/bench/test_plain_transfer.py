"""The plain way that the benchmark compares with draws the same image."""

from __future__ import annotations

import torch
from generator_fixture import TINY, build, inputs

from dptn_core.bench.plain_transfer import plain_transfer


def test_the_plain_way_draws_what_the_network_draws() -> None:
    generator = build(TINY).double()
    image, source, target = (x.double() for x in inputs(TINY))
    with torch.inference_mode():
        wanted = generator.transfer(generator.encode_source(image, source), target)
        torch.testing.assert_close(plain_transfer(generator)(image, source, target), wanted, rtol=1e-9, atol=1e-9)
