"""People whose ground truth is known: an endless, seeded data set, made and not collected."""
