"""A GPU that is none: tensors that say they are on it, whose numbers lie in memory and are computed by the CPU.

torch's own fake tensors have shapes alone, so code that reads a number stops, and torch built for CUDA refuses to
compute their gradients without a driver. These have numbers: whole commands run, and what comes out must be what the
CPU gives. As on a GPU, an operation on tensors of both devices is an error, but for numbers without dimensions,
indices, and copies from one to the other.

The device is torch's place for backends from elsewhere. Once prepared it stays in the process: use one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "pretended"
CPU = torch.device("cpu")
_aten = torch.ops.aten
# reads or writes either device
_COPIES = (_aten._to_copy.default, _aten.copy_.default)
# indices may lie on the CPU
_INDEXING = (
    _aten.index.Tensor,
    _aten.index_put.default,
    _aten.index_put_.default,
    _aten._index_put_impl_.default,
    _aten._unsafe_index.Tensor,
    _aten._unsafe_index_put.default,
)


def prepare() -> str:
    """Make the device known to this process; returns why that cannot be, or nothing."""
    try:
        from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend
    except ImportError:
        return f"torch {torch.__version__} has no devices written in Python"

    class Module(_DummyBackendModule):
        def get_amp_supported_dtype(self) -> list[torch.dtype]:
            return [torch.bfloat16, torch.float16]

    _setup_privateuseone_for_python_backend(NAME, Module())
    return ""


def _gpu() -> torch.device:
    return torch.device(NAME, 0)


class OnGpu(Tensor):
    """A tensor of the pretended GPU; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnGpu:
        # a view made in inference mode of a tensor that was not is none of that mode's
        with torch.inference_mode(False):
            made: OnGpu = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
                cls,
                held.size(),
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                layout=held.layout,
                device=_gpu(),
            )
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnGpu({self.held!r})"

    def tolist(self) -> Any:
        """As of any tensor; torch has none for subclasses."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        # under this key torch asks no driver whether there is such a device
        self._mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # in inference mode operations arrive whole that otherwise arrive in parts; some of them return what they got
        if func._can_decompose():
            with self:
                return func.decompose(*args, **(kwargs or {}))
        return _run(func, args, kwargs or {})


@contextmanager
def pretended_gpu() -> Iterator[torch.device]:
    """Within, the device can be used."""
    # a parameter's numbers cannot be exchanged for ones that are held elsewhere
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    # `torch.tensor` makes its tensors on the CPU and moves them
    lifted = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        # no kernel that only a driver has
        with torch.backends.cudnn.flags(enabled=False), _Mode():
            yield _gpu()
    finally:
        torch._C._set_only_lift_cpu_tensors(lifted)
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    here = [one for one in tensors if isinstance(one, OnGpu)]
    wanted = kwargs.get("device")
    to_gpu = bool(here) if wanted is None else torch.device(wanted).type == NAME
    if func is _aten._fused_sdp_choice.default and here:
        return 0  # by plain mathematics: the fused ones of a GPU do not run here
    if func not in _COPIES:
        _check_devices(func, args, tensors, here)
    if func is _aten.copy_.default:
        to_gpu = isinstance(args[0], OnGpu)
    given = {**kwargs, "device": CPU} if wanted is not None else kwargs
    held_args, held_kwargs = tree_map(_held, (args, given))
    made = func(*held_args, **held_kwargs)
    if not to_gpu:
        return made
    if func._schema.is_mutable and isinstance(made, Tensor):
        changed = kwargs["out"] if "out" in kwargs else args[0]
        if changed.shape != changed.held.shape:
            raise NotImplementedError(f"{func} changes the shape of a tensor in place")
        return changed
    return tree_map(lambda one: OnGpu(one) if isinstance(one, Tensor) else one, made)


def _check_devices(func: Any, args: Any, tensors: list[Tensor], here: list[OnGpu]) -> None:
    free = tree_flatten(args[1])[0] if func in _INDEXING and isinstance(args[0], OnGpu) else []
    left = [
        one for one in tensors if not isinstance(one, OnGpu) and one.ndim and not any(one is index for index in free)
    ]
    if here and left:
        raise RuntimeError(
            f"{func}: expected all tensors on {_gpu()}, got one of shape {tuple(left[0].shape)} on the CPU"
        )


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnGpu) else value
