"""The backend "cupy" on a card."""

import pytest

from minattn import backends


@pytest.fixture
def gpu():
    """Compute on the card during one test; gives the array namespace."""
    with backends.using("cupy"):
        yield backends.xp
