"""Training of the carrier behind generators that stay as they are."""
