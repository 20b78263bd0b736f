import numpy as np
import pytest

from minattn import precision


@pytest.fixture(params=[32, 64])
def bits(request):
    with precision(request.param):
        yield request.param


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def pytest_ignore_collect(config):
    """The peers are loaded only where they are asked for (`-m peers`): they need not be installed."""
    marks = config.option.markexpr
    return True if marks and ("peers" not in marks or "not peers" in marks) else None
