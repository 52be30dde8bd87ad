"""Does the paper's idea hold? DPTN and what is left of it without its parts, on drawn figures; see `__main__`."""
