"""One run: train one variant from one seed, score it, keep the scores."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.ablation.variants import Variant, new_variant_state
from dptn_core.data.synthetic.figures import TEST_SEED, SyntheticPairs, draw_pairs, pair_seeds
from dptn_core.evaluation.figure_scores import foreground_psnr, joint_hits
from dptn_core.network import DiscriminatorConfig, Generator, GeneratorConfig
from dptn_core.network.parameter_count import parameter_count
from dptn_core.system.distributed import Processes
from dptn_core.system.files import remove_leftovers, written_beside
from dptn_core.training.batches import make_batch, sigma_at
from dptn_core.training.loop import one_step
from dptn_core.training.steps import Objective
from dptn_core.training.synthetic_batches import PairSource
from dptn_core.training.training_config import DataConfig, LossConfig, OptimiserConfig, RunConfig, Stage, TrainingConfig

_TEST_BATCH = 20  # does not change the scores


class RunFileError(ValueError):
    """A kept run cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Budget:
    """What every run gets, whatever it trains.

    The sizes of the network are those of the starter model, narrower, with the paper's instance norm.
    """

    steps: int = 1500
    test_pairs: int = 200
    height: int = 48
    width: int = 32
    batch: int = 4
    base_features: int = 32
    learning_rate: float = 1e-3

    def config(self, variant: Variant, seed: int) -> TrainingConfig:
        """The run of `variant` from `seed`, which numbers both the first weights and the pairs it sees."""
        rate = self.learning_rate
        stage = Stage(
            *(self.height, self.width, self.batch, self.steps),
            learning_rate=rate,
            final_learning_rate=rate / 20,
            decay=0.5,
            warmup=min(20, self.steps),
        )
        # no adversary and no VGG19: one is slow to help, of the other there may be no weights
        common = LossConfig(adversarial=0.0, content=0.0, style=0.0)
        return TrainingConfig(
            stages=(stage,),
            generator=GeneratorConfig(base_features=self.base_features, down_steps=2),
            discriminator=DiscriminatorConfig(base_features=1, max_features=1, layers=1),  # never asked
            data=DataConfig(seed=seed + 1),  # set 0 stays unused, set TEST_SEED is the test's
            losses=variant.losses(common),
            optimiser=OptimiserConfig(beta1=0.9, ema=0.99),  # an average over the last part of a short run
            run=RunConfig(seed=seed, precision="fp32"),
        )


@dataclass(frozen=True)
class Scores:
    """Means over the test pairs; decibels are means of each pair's decibels."""

    psnr: float  # dB over the whole frame
    ssim: float  # over the whole frame, Gaussian window, sigma 1.5
    foreground_psnr: float  # dB over the pixels of the target figure
    attention_accuracy: float | None  # see evaluation.attention_accuracy; None without attention


@dataclass(frozen=True)
class Run:
    """A finished run, as it is kept."""

    variant: str  # key
    seed: int
    budget: Budget
    scores: Scores
    parameters: int
    seconds: float  # of training
    machine: str
    date: str

    def save(self, path: Path) -> None:
        """Write as JSON; the file appears whole or not at all."""
        with written_beside(path) as beside:
            beside.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read what `save` wrote.

        Raises:
            RunFileError: it is something else.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**values, "budget": Budget(**values["budget"]), "scores": Scores(**values["scores"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunFileError(f"{path} is no finished run ({error}); remove it to do the run anew") from error


def kept_run(path: Path, budget: Budget) -> Run | None:
    """The finished run at `path`, if there is one.

    Raises:
        RunFileError: it cannot be read, or had another budget and cannot stand beside runs of this one.
    """
    remove_leftovers(path)
    if not path.exists():
        return None
    run = Run.load(path)
    if run.budget != budget:
        raise RunFileError(f"{path} had the budget {run.budget}, asked for is {budget}; use another --out")
    return run


def do_run(variant: Variant, seed: int, budget: Budget, device: torch.device, progress: Callable[[float], None]) -> Run:
    """Train and score.

    Args:
        variant: what to train.
        seed: of weights and pairs.
        budget: how long, on what.
        device: where.
        progress: called after each step with the step's loss.
    """
    config = budget.config(variant, seed)
    state = new_variant_state(variant, config, device)
    source, objective = PairSource(config.data, device), Objective(config.losses)
    alone = Processes(1, 0, device)
    while state.step < config.total_steps:
        progress(one_step(state, config, source, objective, alone)["total"])
    return Run(
        variant=variant.key,
        seed=seed,
        budget=budget,
        scores=score(state.ema, config, budget.test_pairs),
        parameters=parameter_count(state.generator),
        seconds=round(state.seconds, 1),
        machine=machine(device),
        date=today(),
    )


def score(generator: Generator, config: TrainingConfig, pairs: int) -> Scores:
    """Score a network on the first `pairs` pairs of figures in the test set."""

    def generated(some: SyntheticPairs) -> tuple[Tensor, Tensor | None]:
        stride = config.generator.stride
        batch = make_batch(some, sigma_at(config.data, some.source.shape[2]), stride, config.losses.foreground)
        image, _, attention = generator.forward_with_attention(
            batch.source, batch.source_heatmaps, batch.target_heatmaps, (-1,)
        )
        return image, attention[0] if attention else None

    return _score(generated, config, pairs, next(generator.parameters()).device)


def score_copying(config: TrainingConfig, pairs: int, device: torch.device) -> Scores:
    """Scores of the source image itself, and of attention to the same place: the baselines that learn nothing."""

    def copied(some: SyntheticPairs) -> tuple[Tensor, Tensor | None]:
        count = some.source.shape[2] * some.source.shape[3] // config.generator.stride**2
        return some.source, torch.eye(count, device=some.source.device).expand(len(some), -1, -1)

    return _score(copied, config, pairs, device)


@torch.inference_mode()
def _score(
    draw: Callable[[SyntheticPairs], tuple[Tensor, Tensor | None]],
    config: TrainingConfig,
    pairs: int,
    device: torch.device,
) -> Scores:
    """Means over the test pairs of what `draw` makes of them: images (B, 3, H, W) and attention (B, T, T)."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    size = (config.stages[-1].height, config.stages[-1].width)
    whole, similarity, foreground, hits = [], [], [], []
    for first in range(0, pairs, _TEST_BATCH):
        some = draw_pairs(pair_seeds(TEST_SEED, first, min(_TEST_BATCH, pairs - first), device), size)
        image, attention = draw(some)
        whole.append(foreground_psnr(image, some.target, torch.ones_like(some.target_mask)))
        foreground.append(foreground_psnr(image, some.target, some.target_mask))
        index = structural_similarity_index_measure(
            (image + 1) / 2, (some.target + 1) / 2, sigma=1.5, data_range=1.0, reduction="none"
        )
        similarity.append(torch.as_tensor(index).reshape(-1))
        if attention is not None:
            hits.append(joint_hits(attention, some, config.generator.stride))
    return Scores(
        psnr=torch.cat(whole).mean().item(),
        ssim=torch.cat(similarity).mean().item(),
        foreground_psnr=torch.cat(foreground).mean().item(),
        attention_accuracy=torch.cat(hits).float().mean().item() if hits else None,
    )


def today() -> str:
    """The date, as ISO has it."""
    return datetime.now(timezone.utc).date().isoformat()


def machine(device: torch.device) -> str:
    """What computes, in words: processor, threads, torch; no names of hosts."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}, torch {torch.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()  # platform knows no model on Linux
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
