"""Diffusion as pure functions of tensors: paths, predictions, times, solvers, guidance. Time runs from 0 noise to 1 data."""
