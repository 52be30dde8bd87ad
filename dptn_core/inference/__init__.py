"""From a source and poses to images: texture carried at full resolution."""
