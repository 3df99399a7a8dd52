"""Factorisations: which values are predicted from which."""
