"""Codecs: raw data to values and back."""
