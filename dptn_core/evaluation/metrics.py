"""Every score's name, in the order reports have them, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A number a pair gets.

    Attributes:
        name: In JSON and CSV.
        label: In the page.
        higher_is_better: Which way to rank.
        digits: Behind the point, in the page.
        unit: In the page.
    """

    name: str
    label: str
    higher_is_better: bool
    digits: int = 3
    unit: str = ""


METRICS = (
    Metric("ssim", "SSIM, 51-pixel box", True),
    Metric("ssim_gaussian", "SSIM, Gaussian", True),
    Metric("psnr", "PSNR", True, 2, "dB"),
    Metric("l1", "L1", False, 4),
    Metric("lpips", "LPIPS", False),
    Metric("st-lpips", "ST-LPIPS, AlexNet", False),
    Metric("masked_ssim", "SSIM on the person, Gaussian", True),
    Metric("masked_psnr", "PSNR on the person", True, 2, "dB"),
    Metric("masked_l1", "L1 on the person", False, 4),
    Metric("masked_lpips", "LPIPS on the person", False),
    Metric("masked_st-lpips", "ST-LPIPS on the person", False),
    Metric("attention_accuracy", "joints found by attention", True),
    Metric("foreground_psnr", "PSNR on the figure, unsaved", True, 2, "dB"),
    Metric("copy_psnr", "PSNR of the source itself on the person", True, 2, "dB"),
    Metric("warped_psnr", "PSNR of the source, warped", True, 2, "dB"),
    Metric("garment_colour_error", "garment colour error", False),
    Metric("sharpness", "sharpness, of the ground truth's", True),
    Metric("attention_5", "joints found by attention within 5 %", True),
    Metric("copy_ssim", "SSIM of the source itself on the person", True),
    Metric("copy_st-lpips", "ST-LPIPS of the source itself on the person", False),
    Metric("copy_sharpness", "sharpness of the source itself", True),
)
PER_JOINT = ("attention_accuracy", "attention_5")
"""Fractions of a pair's joints: in a mean every joint counts the same, not every pair."""
BY_NAME = {metric.name: metric for metric in METRICS}
RANKABLE = tuple(
    metric.name for metric in METRICS if metric.name != "warped_psnr" and not metric.name.startswith("copy_")
)
"""What best and worst cases can be chosen by."""
