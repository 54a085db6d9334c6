"""Data in from the paper's released raw files, traces out to other trainers."""
