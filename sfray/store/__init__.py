"""Artifacts on disk, and the runs that link to them."""
