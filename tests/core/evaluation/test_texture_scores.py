"""Texture scored against the ground truth of rendered people and drawn figures."""

from __future__ import annotations

import pytest
import torch
from evaluation_fixture import figure_means

pytest.importorskip("anny", reason="rendering people wants the extra train")
pytest.importorskip("warp", reason="rendering people wants the extra train")

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.evaluation import Networks
from dptn_core.evaluation.texture_scores import BOUND, COPY, CORE, WARPED, composing, score_texture
from dptn_core.inference.texture_networks import load_texturing


@pytest.fixture(scope="module")
def texturing():
    return load_texturing()


def test_texture_is_sharper_than_the_network_and_nearer_to_the_look_of_the_truth(texturing):
    done: list[int] = []
    model = load_model(starter_path())
    table = score_texture(
        *(model, texturing.carrier, texturing.segmenter, Networks(torch.device("cpu")), (256, 192)),
        pairs=6,
        progress=done.append,
    )
    assert list(table) == [COPY, CORE, WARPED, BOUND] and done == [1, 2, 3, 4, 5, 6]
    assert table[WARPED]["sharpness"] > 2 * table[CORE]["sharpness"]
    assert table[BOUND]["masked_psnr"] > table[CORE]["masked_psnr"] > table[COPY]["masked_psnr"]
    found = table[WARPED]
    assert found["source_iou"] > 0.9 and found["target_iou"] > 0.7
    assert found["flow_2"] > 0.4 and found["seen_auc"] > 0.6
    assert "flow_2" not in table[CORE] and "masked_st-lpips" not in found


def test_drawn_figures_are_scored_with_their_texture(texturing):
    model = load_model(starter_path())
    alone = figure_means(model, 3)
    textured = figure_means(model, 3, compose=composing(texturing.carrier, None))
    same = {name for name, value in alone.items() if value == textured[name]} - {"colours_right"}
    assert same == {"copy_psnr", "warped_psnr", "attention_accuracy"}
