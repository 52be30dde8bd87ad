"""`dptn bench`: speed and memory on this machine, as ratios measured in turns."""
