"""Blocks for tests alone: they put any object on a POSE_KEYPOINT wire, as other packs do, and report what arrives."""

import hashlib
import json

import numpy as np
import torch


class SendPose:
    """Any JSON as POSE_KEYPOINT; `text` is sent as an object, not as text."""

    CATEGORY, FUNCTION = "tests", "send"
    RETURN_TYPES = ("POSE_KEYPOINT",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": "[]"})}}

    def send(self, text):
        return (json.loads(text),)


class SendImages:
    """A batch of images of one grey."""

    CATEGORY, FUNCTION = "tests", "send"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls):
        whole = ("INT", {"default": 1, "min": 0, "max": 4096})
        return {"required": {"count": whole, "height": whole, "width": whole, "channels": whole}}

    def send(self, count, height, width, channels):
        generator = torch.Generator().manual_seed(0)
        return (torch.rand(count, height, width, channels, generator=generator),)


class ReportImages:
    """Shape, range and a hash of images, as the UI payload."""

    CATEGORY, FUNCTION, OUTPUT_NODE = "tests", "report", True
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",)}}

    def report(self, image):
        content = hashlib.sha256((image * 255).round().byte().cpu().contiguous().numpy().tobytes()).hexdigest()
        metadata = {
            "shape": list(image.shape),
            "dtype": str(image.dtype),
            "device": str(image.device),
            "low": float(image.min()),
            "high": float(image.max()),
            "hash": content,
        }
        return {"ui": {"facts": [json.dumps(metadata)]}}


class ReportPose:
    """POSE_KEYPOINT as JSON, as the UI payload."""

    CATEGORY, FUNCTION, OUTPUT_NODE = "tests", "report", True
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"pose": ("POSE_KEYPOINT",)}}

    def report(self, pose):
        return {"ui": {"pose": [json.dumps(pose)]}}


class AnyKind(str):
    """A type that goes with every input, as wildcard blocks of other packs have."""

    def __ne__(self, other):
        return False


class SendAnything:
    """Any JSON value on any wire."""

    CATEGORY, FUNCTION = "tests", "send"
    RETURN_TYPES = (AnyKind("*"),)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": "null"})}}

    def send(self, text):
        return (json.loads(text),)


class SendPython:
    """What JSON cannot say, on any wire: tensors of any shape and kind of number, arrays, objects."""

    CATEGORY, FUNCTION = "tests", "send"
    RETURN_TYPES = (AnyKind("*"),)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": "{}"})}}

    def send(self, text):
        wanted = json.loads(text)
        if "shape" in wanted:
            value = torch.full(wanted["shape"], wanted["fill"]).to(getattr(torch, wanted["dtype"]))
            return (value.numpy() if wanted.get("array") else value,)
        objects = {
            "object": object(),
            "bytes": b"text",
            "latent": {"samples": torch.zeros(1, 4, 8, 8)},
            "function": print,
            "huge": 10**4000,  # of more digits, the host itself could not report it
            "numpy number": np.float32(0.5),
            "numpy pose": [{"people": [{"pose_keypoints_2d": np.ones(54, np.float32)}], "canvas_width": np.int64(9)}],
            "poses of tensors": [{"people": [{"pose_keypoints_2d": torch.ones(54)}]}],
            "generator": (number for number in range(3)),
            "circle": circle(),
        }
        return (objects[wanted["object"]],)


def circle():
    """A list that holds itself."""
    found = []
    found.append(found)
    return found


class SendMask:
    """A mask of ones of any shape."""

    CATEGORY, FUNCTION = "tests", "send"
    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"shape": ("STRING", {"default": "[1, 8, 8]"})}}

    def send(self, shape):
        return (torch.ones(json.loads(shape)),)


NODE_CLASS_MAPPINGS = {
    "ProbeSendAnything": SendAnything,
    "ProbeSendMask": SendMask,
    "ProbeSendPython": SendPython,
    "ProbeSendPose": SendPose,
    "ProbeSendImages": SendImages,
    "ProbeReportImages": ReportImages,
    "ProbeReportPose": ReportPose,
}
