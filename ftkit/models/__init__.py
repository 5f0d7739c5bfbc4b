"""Backbones: what they are made of, how they are put together, saved and brought back."""
