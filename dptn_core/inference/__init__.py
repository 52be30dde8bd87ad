"""From a person's image and poses to finished images: what surrounds the network."""
