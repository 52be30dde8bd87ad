"""Texture on the real host: the source's own pixels in Transfer Pose, masks, sizes, and the mask of Encode Source."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from comfy_host import PACK
from graphs import STANDING, Graph, metadata, person, pose_frame, transfer_graph
from PIL import Image

SAMPLES = PACK / "dptn_core" / "samples"
PERSON, INVENTED = 2, 3  # outputs of Transfer Pose


def drawn(host: Any, **inputs: Any) -> np.ndarray:
    """The figure in the sample pose, (H, W, 3) uint8."""
    graph, nodes = transfer_graph()
    graph.prompt[nodes["drawn"]]["inputs"] |= inputs
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    (entry,) = run.outputs[nodes["drawn"]]["images"]
    found: np.ndarray = host.image(entry).astype(int)
    return found


def masks(host: Any, graph: Graph, nodes: dict[str, str], **inputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """What Transfer Pose says of person and invented, (H, W) in [0, 1]."""
    graph.prompt[nodes["drawn"]]["inputs"] |= inputs
    images = [graph.add("MaskToImage", mask=graph.out(nodes["drawn"], slot)) for slot in (PERSON, INVENTED)]
    previews = [graph.add("PreviewImage", images=graph.out(image)) for image in images]
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    one, other = (host.image(run.outputs[node]["images"][0])[..., 0] / 255 for node in previews)
    return one, other


def sharpness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def test_a_prompt_of_an_earlier_release_gets_the_source_s_own_pixels(host):
    before, full, network = drawn(host), drawn(host, texture="full"), drawn(host, texture="network only")
    assert (before == full).all()
    assert before.shape == network.shape == (512, 384, 3)
    assert sharpness(before) > 1.3 * sharpness(network)


def test_the_background_of_the_source_stays_as_it_is(host):
    with Image.open(SAMPLES / "figure.png") as opened:
        source = np.asarray(opened.convert("RGB")).astype(int)
    full = drawn(host)
    assert source.shape == full.shape
    corner = np.s_[:40, :60]
    assert np.abs(full[corner] - source[corner]).max() <= 1


def test_the_masks_say_where_the_person_is_and_what_was_invented(host):
    graph, nodes = transfer_graph()
    there, invented = masks(host, graph, nodes)
    assert there.shape == invented.shape == (512, 384)
    assert there[160, 257] > 0.8, "the trunk"
    assert there[:40, :60].max() < 0.1 and invented[:40, :60].max() < 0.1, "a corner that nobody was ever in"
    assert 0.05 < there.mean() < 0.5
    assert invented.max() > 0.8, "the arms have moved away from a background that nobody can have seen"
    assert invented.mean() < 0.5


def test_the_network_alone_has_no_masks(host):
    graph, nodes = transfer_graph()
    there, invented = masks(host, graph, nodes, texture="network only")
    assert there.max() == 0 and invented.min() == 1


@pytest.mark.parametrize("texture", ["full", "network only"])
@pytest.mark.parametrize(("asked", "draft", "size"), [(768, 0, (768, 576)), (768, 128, (128, 96)), (96, 128, (96, 72))])
def test_another_height_keeps_the_canvas_proportions(host, texture, asked, draft, size):
    graph, nodes = transfer_graph()
    inputs = {"texture": texture, "output_height": asked, "draft": draft}
    there, invented = masks(host, graph, nodes, **inputs)
    assert there.shape == invented.shape == size
    assert drawn(host, **inputs).shape == (*size, 3)


def test_a_large_source_keeps_its_detail_at_a_larger_height(host):
    """The canvas is small; at the source's own height its pixels are there again."""
    with Image.open(SAMPLES / "figure.png") as opened:
        large = opened.convert("RGB").resize((1536, 2048), Image.Resampling.NEAREST)
    # stripes of a pixel, far finer than the canvas of 384 x 512 can show
    pixels = np.asarray(large).copy()
    pixels[::4] = pixels[::4] // 2
    folder = host.base / "input"
    folder.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / "striped.png")
    graph = Graph()
    image = graph.out(graph.add("LoadImage", image="striped.png"))
    graph, nodes = transfer_graph(None, graph, image=image)
    found = {}
    for height in (512, 2048):
        graph.prompt[nodes["drawn"]]["inputs"]["output_height"] = height
        run = host.run(graph.prompt)
        assert run.error is None, run.error
        trunk = host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(float)
        trunk = trunk[int(height * 0.3) : int(height * 0.34), int(height * 0.48) : int(height * 0.52)]
        found[height] = np.abs(np.diff(trunk, axis=0)).mean()
    assert found[2048] > 4 * found[512]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"texture": "sharp"}, "Transfer Pose, input 'texture': expected 'full' or 'network only', got 'sharp'"),
        (
            {"size_and_place": "nowhere"},
            "Transfer Pose, input 'size_and_place': expected 'as the pose is', 'like the source' or 'retargeted to the "
            "source', got 'nowhere'",
        ),
        ({"output_height": 5000}, "Transfer Pose, input 'output_height': expected 0 to 4096, got 5000"),
        ({"output_height": -8}, "Transfer Pose, input 'output_height': expected 0 to 4096, got -8"),
    ],
)
def test_values_that_come_along_a_wire_are_checked(host, inputs, said):
    graph, nodes = transfer_graph()
    for name, value in inputs.items():
        text = f'"{value}"' if isinstance(value, str) else str(value)
        graph.prompt[nodes["drawn"]]["inputs"][name] = graph.out(graph.add("ProbeSendAnything", text=text))
    assert said in (host.run(graph.prompt).error or "")


def test_a_height_at_which_a_wide_canvas_is_too_large_is_refused(host):
    graph = Graph()
    wide = graph.send_pose([pose_frame([person([[x * 2 + 3000, y / 2] for x, y in STANDING])], 8000, 256)])
    graph, nodes = transfer_graph(wide, graph)
    graph.prompt[nodes["drawn"]]["inputs"]["output_height"] = 4096
    error = host.run(graph.prompt).error
    assert (
        error is not None
        and "Transfer Pose, input 'output_height': expected images of at most" in error
        and "of 8000x256" in error
    )


def test_a_mask_of_ones_own_says_who_is_carried(host):
    """Of a figure whose head is said to be background, the head is not carried away."""
    images = {}
    for name in ("found", "black", "without head"):
        graph = Graph()
        mask = None
        if name != "found":
            folder = host.base / "input"
            folder.mkdir(exist_ok=True)
            shown = np.zeros((256, 192), np.uint8)
            if name == "without head":
                shown[60:] = 255
            Image.fromarray(shown).save(folder / f"{name}.png")
            mask = graph.out(graph.add("LoadImageMask", image=f"{name}.png", channel="red"))
        graph, nodes = transfer_graph(None, graph, **({"mask": mask} if mask else {}))
        run = host.run(graph.prompt)
        assert run.error is None, run.error
        images[name] = host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(int)
    assert (images["black"] == images["found"]).all(), "a black mask names nobody, so the person is looked for"
    assert np.abs(images["without head"] - images["found"]).max() > 40


@pytest.mark.parametrize(
    ("count", "shape", "said"),
    [
        (
            3,
            [2, 8, 8],
            "Encode Source, input 'mask': expected one mask for each image, or one for all, got 2 for 3 images",
        ),
        (1, [2, 8, 8], "one mask for each image, or one for all, got 2 for 1 image"),
        (1, [1, 8, 8, 3], "Encode Source, input 'mask': expected a mask (B, H, W), got (1, 8, 8, 3)"),
        (1, [0, 8, 8], "Encode Source, input 'mask': expected a mask (B, H, W), got (0, 8, 8)"),
    ],
)
def test_masks_that_do_not_fit_are_said_in_words(host, count, shape, said):
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=count, height=256, width=192, channels=3))
    pose = graph.send_pose([pose_frame([person(STANDING)])])
    mask = graph.out(graph.add("ProbeSendMask", shape=str(shape)))
    graph, _ = transfer_graph(pose, graph, mask=mask, image=images, pose=pose)
    assert said in (host.run(graph.prompt).error or "")


@pytest.mark.parametrize("shape", [[3, 64, 48], [1, 300, 20], [7, 5]])
def test_masks_of_any_size_serve_each_image_or_all(host, shape):
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=3, height=256, width=192, channels=3))
    pose = graph.send_pose([pose_frame([person(STANDING)])])
    mask = graph.out(graph.add("ProbeSendMask", shape=str(shape)))
    graph, nodes = transfer_graph(pose, graph, mask=mask, image=images, pose=pose)
    report = graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(nodes["drawn"], PERSON))))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    assert metadata(run, report)["shape"] == [3, 512, 384, 3]


def test_a_changed_pose_does_not_look_for_the_person_again(host):
    ran = []
    for number in range(2):
        graph = Graph()
        moved = [[x + 3 * number, y] for x, y in STANDING]
        graph, nodes = transfer_graph(graph.send_pose([pose_frame([person(moved)])]), graph, working_height=104)
        run = host.run(graph.prompt)
        assert run.error is None
        ran.append(nodes["source"] in run.executed)
    assert ran == [True, False]


def preview(host: Any, **inputs: Any) -> tuple[Any, str, list[str]]:
    """A run of Attention Preview behind the shortest transfer, its id, and nodes that show its last three outputs."""
    graph, nodes = transfer_graph()
    graph.prompt[nodes["drawn"]]["inputs"] |= inputs
    block = graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1))
    outputs = [graph.out(block, 3), graph.out(block, 4)]
    outputs += [graph.out(graph.add("MaskToImage", mask=graph.out(block, 5)))]
    outputs += [graph.out(graph.add("MaskToImage", mask=graph.out(nodes["drawn"], INVENTED)))]
    shown = [graph.add("PreviewImage", images=one) for one in outputs]
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return run, block, shown


def test_attention_preview_shows_what_transfer_pose_carried(host):
    run, block, shown = preview(host)
    dense, parts, invented, wanted = (host.image(run.outputs[node]["images"][0]) / 255 for node in shown)
    assert np.abs(invented - wanted).max() <= 1 / 255, "the mask of Transfer Pose, found anew"
    y, x = 20, 300  # nobody was ever there: it is its own source, and seen
    assert np.allclose(dense[y, x], [(x + 0.5) / 384, (y + 0.5) / 512, 1], atol=0.01)
    y, x = 170, 247  # the trunk: not far away in the source, and in colour
    assert np.abs(dense[y, x, :2] - [(x + 0.5) / 384, (y + 0.5) / 512]).max() < 0.15 and dense[y, x, 2] > 0.5
    assert np.ptp(parts[y, x]) > 0.3 and np.ptp(parts[20, 300]) < 0.05
    hand, elbow = (42, 108), (75, 170)
    assert np.abs(parts[hand] - parts[elbow]).max() > 0.2, "another part of the body has another colour"
    numbers = json.loads(run.outputs[block]["dptn_attention"][0])
    assert numbers["views"] == ["image", "body parts", "correspondence", "invented"]
    assert len(run.outputs[block]["dptn_pictures"]) == 8


def test_attention_preview_of_the_network_alone_has_one_view(host):
    run, block, shown = preview(host, texture="network only")
    dense, parts, invented, wanted = (host.image(run.outputs[node]["images"][0]) for node in shown)
    assert dense.max() == parts.max() == 0 and invented.min() == wanted.min() == 255
    assert json.loads(run.outputs[block]["dptn_attention"][0])["views"] == ["image"]
    assert len(run.outputs[block]["dptn_pictures"]) == 2


def test_a_pack_without_the_carrier_draws_with_the_network_alone(host, odd_host):
    assert (drawn(odd_host) == drawn(host, texture="network only")).all()
