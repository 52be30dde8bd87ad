"""What runs on a GPU, run on one: `python device_checks.py pretended`, or `cuda`, in a process of its own.

Prints one JSON object: each check's name, and what is wrong with it, or nothing. A check runs on the CPU and on the
device, and must give the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "core")]

import torch  # noqa: E402
from nodes_without_host import resting_tensors, run_nodes  # noqa: E402
from pretend_gpu import NAME, prepare, pretended_gpu  # noqa: E402
from torch import Tensor  # noqa: E402
from training_fixture import config_of  # noqa: E402
from transfer_fixture import person, smooth_image, tiny_model  # noqa: E402

from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds  # noqa: E402
from dptn_core.inference.attention import attention_at, correspondence, peaks, warped  # noqa: E402
from dptn_core.inference.attention_maps import attention_maps  # noqa: E402
from dptn_core.inference.carrier_file import load_carrier  # noqa: E402
from dptn_core.inference.source_texture import encode_texture  # noqa: E402
from dptn_core.inference.texture import composer  # noqa: E402
from dptn_core.inference.transfer import EncodedSource, Generated, encode_source, transfer  # noqa: E402
from dptn_core.system.device import DTYPES, Precision  # noqa: E402
from dptn_core.system.distributed import alone  # noqa: E402
from dptn_core.training.carrier_training import CarrierConfig  # noqa: E402
from dptn_core.training.carrier_training.carrier_loop import CarrierTask, one_carrier_step  # noqa: E402
from dptn_core.training.carrier_training.carrier_state import new_carrier_state  # noqa: E402
from dptn_core.training.carrier_training.examples import make_examples  # noqa: E402
from dptn_core.training.loop import make_objective, one_step  # noqa: E402
from dptn_core.training.state import new_state  # noqa: E402
from dptn_core.training.synthetic_batches import PairSource  # noqa: E402
from dptn_core.training.toml_tables import build  # noqa: E402

CPU = torch.device("cpu")
CANVAS = (96, 128)
Results = dict[str, Tensor]
NEAR = 2e-3  # sums are in another order, and a GPU's are shorter
HALF_NEAR = 0.06  # of an image in [0, 1], on average: a network of random weights amplifies what bf16 leaves out


def encoded(device: torch.device, precision: Precision = "fp32") -> EncodedSource:
    """A person encoded by a small network; the image lies on the CPU, as the command line has it."""
    model = tiny_model((64, 48))
    model.generator.to(device, DTYPES[precision])
    return encode_source(model, smooth_image(*CANVAS), person(CANVAS))


def generated(source: EncodedSource) -> Generated:
    return transfer(source, [person(CANVAS, sway=0.1, seed=2)]).generated.at(0)


def images(device: torch.device, precision: Precision = "fp32") -> Results:
    """Encode and transfer."""
    made = transfer(encoded(device, precision), [person(CANVAS, sway=0.1, seed=n) for n in range(3)], chunk=2)
    on_device(made.generated.images, device)
    return {"images": made.images, "raw": made.generated.images}


def attention(device: torch.device) -> Results:
    """Questions about a generated image."""
    one = generated(encoded(device))
    asked = attention_at(one, torch.tensor([[40.0, 60.0], [50.0, 70.0]], device=device))
    found = correspondence(one)
    on_device(asked, device)
    packed = torch.from_numpy(attention_maps(one).probabilities())
    return {"asked": asked, "peaks": peaks(asked, one.source), "warped": warped(one.source, found), "maps": packed}


def texture(device: torch.device) -> Results:
    """The source's own pixels, warped."""
    source, carrier = encoded(device), load_carrier(device)
    found = encode_texture(carrier, source, None)
    on_device(found.parts.logits, device)
    made = transfer(source, [person(CANVAS, sway=0.1, seed=2)], compose=composer(carrier, found))
    return {"images": made.images, "mattes": made.mattes, "invented": made.invented}


def training_step(device: torch.device) -> Results:
    """One step of both networks."""
    config = config_of(losses={"adversarial_from": 0}, run={"precision": "fp32"})
    state = new_state(config, device)
    objective = make_objective(config, state, device)
    terms = one_step(state, config, PairSource(config.data, device), objective, alone(device))
    on_device(next(state.generator.parameters()), device)
    return _numbers(terms)


def carrier_step(device: torch.device) -> Results:
    """One step of the carrier."""
    tables = {"stage": {"height": 48, "width": 32, "batch": 2, "steps": 4}, "losses": {"perceptual": 0.0}}
    config = build(CarrierConfig, {**tables, "data": {"figures": 1.0}}, "config")
    examples = make_examples(draw_pairs(pair_seeds(3, 0, 2), (48, 32)), tiny_model((48, 32)), None)
    store: Any = SimpleNamespace(read=lambda numbers: examples[torch.tensor(numbers)])
    state = new_carrier_state(config, device)
    terms = one_carrier_step(state, CarrierTask(config, store, {}, None, device), len(examples))
    on_device(next(state.carrier.parameters()), device)
    return _numbers(terms)


def nodes(device: torch.device) -> Results:
    """Encode Source, Transfer Pose and Attention Preview, with results that rest on the CPU between them."""
    with tempfile.TemporaryDirectory() as folder:
        return resting_tensors(run_nodes(device, tiny_model((64, 48)), smooth_image(*CANVAS), Path(folder)))


def mixing(device: torch.device) -> Results:
    """A tensor left on the CPU is an error, as on any GPU; a number and a copy are not."""
    here, left = torch.ones(3, device=device), torch.ones(3)
    for attempt in (lambda: here + left, lambda: torch.cat([here, left]), lambda: left.mul_(here)):
        try:
            attempt()
        except RuntimeError:
            continue
        assert device == CPU, "tensors of two devices were taken together"
    return {"number": here + torch.tensor(2.0), "copy": here + torch.ones(3).to(device)}


CHECKS = (mixing, images, attention, texture, training_step, carrier_step, nodes)


def _numbers(terms: dict[str, float]) -> Results:
    return {name: torch.tensor(value) for name, value in terms.items() if name != "pairs_per_second"}


def on_device(tensor: Tensor, device: torch.device) -> None:
    assert tensor.device.type == device.type, f"expected a tensor on {device}, got one on {tensor.device}"


def same(expected: Results, found: Results) -> None:
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        # on a CPU the carrier learns from bf16 images, elsewhere from fp32 ones
        near = 0.1 if name == "gradient_norm" else NEAR
        torch.testing.assert_close(
            found[name].cpu().float(),
            tensor.float(),
            rtol=near,
            atol=near,
            msg=lambda said, name=name: f"{name}: {said}",
        )


def half(device: torch.device) -> None:
    """Images in bf16 and fp16 are those of fp32."""
    whole = images(device)["images"].cpu()
    for precision in ("bf16", "fp16"):
        far = (images(device, precision)["images"].cpu() - whole).abs().mean()
        assert far < HALF_NEAR, f"{precision}: {far:.4f} away from fp32"


def main() -> None:
    wanted = sys.argv[1]
    why = prepare() if wanted == NAME else ""
    if why:
        print(json.dumps({"skipped": why}))
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    told = {}
    for check in CHECKS:
        torch.manual_seed(0)
        try:
            expected = check(CPU)
            device: AbstractContextManager[torch.device] = (
                pretended_gpu() if wanted == NAME else nullcontext(torch.device(wanted))
            )
            with device as there:
                torch.manual_seed(0)
                same(expected, check(there))
            told[check.__name__] = ""
        except Exception:  # noqa: BLE001  # each check says what is wrong with it
            told[check.__name__] = traceback.format_exc()
    if wanted != NAME:
        try:
            half(torch.device(wanted))
            told["half"] = ""
        except Exception:  # noqa: BLE001
            told["half"] = traceback.format_exc()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
