"""The config files of this package; Hydra finds them as ``pkg://my_lab.conf``."""
