"""Sets that others publish, laid out for training: DeepFashion and Market-1501."""
