"""How far apart two images look, by networks whose weights come inside Python packages.

Nothing of those packages is imported: their weight files are read, and the networks are built here.
"""

from .packages import MOBILENET, SHIFT_TOLERANT, PackageWeightsError
from .shift_tolerant import ShiftTolerantDistance

__all__ = ["MOBILENET", "SHIFT_TOLERANT", "PackageWeightsError", "ShiftTolerantDistance"]
