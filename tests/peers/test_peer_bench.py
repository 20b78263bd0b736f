"""Every peer of the benchmark computes what minattn computes, in each workload that it takes part in."""

import pytest
from small_workloads import small

from minattn.bench import contenders, race, workloads

pytestmark = pytest.mark.peers
COMPILED = "torch compile"  # a compiler that takes seconds: one workload is enough here


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_every_peer_gives_the_same_results(name):
    one = small(name)
    rivals = [c for c in contenders.present(one.kind) if c.device == "cpu"]
    rivals = [c for c in rivals if c.name not in (COMPILED, "minattn numba") or name == "gpt-small"]
    found = race.race(one, rivals, threads=1, rounds=1, turn=0.001)
    assert {"torch", "jax", "minattn numpy"} <= found["rows"].keys()
    assert found["rows"].keys() | found["absent"].keys() == {c.name for c in rivals}
    assert all(who == "tinygrad" and "device" in why for who, why in found["absent"].items())
