"""Pairs of images to train and to test on."""
