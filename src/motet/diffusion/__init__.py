"""Diffusion as pure functions of tensors: paths, predictions, times, solvers, guidance. Time 0 is noise, 1 data."""
