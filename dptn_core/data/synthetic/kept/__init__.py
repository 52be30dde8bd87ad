"""A set of rendered pairs on disk: rendered once by all cores, read at random, changed at every reading.

`keep` writes a folder of shards and resumes after a stop; `open_kept` and `read_pairs` read it.
"""

from .manifest import KeptSetError, Manifest
from .reading import KeptSet, open_kept, read_pairs
from .writing import Renderer, keep

__all__ = ["KeptSet", "KeptSetError", "Manifest", "Renderer", "keep", "open_kept", "read_pairs"]
