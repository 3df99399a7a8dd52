"""Transformer parts: they know tensors and tags, never a modality."""
