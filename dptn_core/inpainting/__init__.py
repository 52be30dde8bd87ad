"""What is behind a person, filled with the image's own texture."""

from .background import fill_background

__all__ = ["fill_background"]
