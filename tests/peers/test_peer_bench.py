"""The benchmark's PyTorch gives what minattn gives."""

import pytest

from minattn.bench import timing, workloads

pytestmark = pytest.mark.peers


def test_attention_is_the_same_in_pytorch():
    steps = workloads.attention((2, 3, 131, 5))
    assert "torch" in steps
    timing.same(steps)
