"""A carrier as a file that others use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from safetensors.torch import save_file

from ...network.carrier import Carrier
from ...system.files import written_beside

_LICENCE: Final = "Apache-2.0; images that it was trained on may have terms of their own"


def write_carrier(path: Path, carrier: Carrier, metadata: Mapping[str, str]) -> None:
    """Write a carrier in fp16, whole or not at all; `inference.carrier_file.load_carrier` reads it.

    Args:
        path: .safetensors.
        carrier: the averaged weights.
        metadata: free text that goes into the file's metadata, besides name, licence and date.

    Raises:
        OSError: it cannot be written.
    """
    tensors = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in carrier.state_dict().items()
    }
    about = {"name": "DPTN carrier", "license": _LICENCE, "date": datetime.now(timezone.utc).date().isoformat()}
    with written_beside(path) as beside:
        save_file(tensors, beside, metadata={**about, **{name: text for name, text in metadata.items() if text}})
