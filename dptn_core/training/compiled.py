"""torch.compile, where the machine can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .toml_tables import ConfigError


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as torch.compile makes it, at its first call for each size.

    Raises (when called):
        ConfigError: torch.compile fails here; the message gives its reason.
    """
    fast = torch.compile(function, dynamic=False)

    def run(*given: Any) -> Any:
        try:
            return fast(*given)
        except Exception as error:
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            reason = str(error).strip().partition("\n")[0][:200]
            raise ConfigError(
                f"run.compile is true, but torch.compile fails here ({reason}); set it to false"
            ) from error

    return run
