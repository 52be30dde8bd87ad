"""Pairs of pictures to train and to test on."""
