"""What pyproject.toml cannot say: the config tree at the repository's top is the package data of ``sfray.conf``."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["sfray*"]), "sfray.conf"],
    package_dir={"sfray.conf": "conf"},
)
