"""Training: one straight-line loop and its parts. It trains an `Objective` and knows nothing of modalities."""
