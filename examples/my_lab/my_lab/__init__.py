"""A package beside sfray; its names appear in a config as ``my_lab.tasks:Addition``."""
