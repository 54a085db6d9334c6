"""Joining and starting Ray."""

import pytest
import ray

from sfray.cluster import connect, disconnect
from sfray.config import ClusterConfig

LOCAL = ClusterConfig(address="local", num_cpus=1, num_gpus=0, object_store_gib=0.1)


@pytest.mark.engine
def test_a_local_cluster_has_what_the_config_says_and_ends():
    connect(LOCAL)
    assert ray.cluster_resources()["CPU"] == 1.0
    connect(LOCAL)  # a second stage finds it there
    disconnect()
    assert not ray.is_initialized()
