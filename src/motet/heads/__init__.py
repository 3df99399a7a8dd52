"""Heads: the distribution of one prediction."""
