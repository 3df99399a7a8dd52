"""Embeddings: how the values of a modality enter the transformer, and what its masked tokens show instead."""
