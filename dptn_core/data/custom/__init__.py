"""Your own images as a set to train on."""
