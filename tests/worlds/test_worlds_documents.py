import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import documents, induction

B = 211


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_multi_document(rng):
    sizes = dict(n_documents=3, n_facts=5, n_queries=2, n_keys=7, n_values=11, n_names=13)
    drawn = documents.multi_document(rng, B, **sizes)
    inputs, attend, asked, targets = (drawn[name] for name in ("inputs", "attend", "asked", "targets"))
    assert inputs.shape == (B, 17, 3) and (asked == (np.arange(17) >= 15)).all()
    fact = np.take_along_axis(inputs, np.maximum(attend, 0)[..., None], axis=1)
    assert np.array_equal(fact[asked][:, :2], inputs[asked][:, :2])
    assert np.array_equal(fact[asked][:, 2], targets[asked])
    assert (inputs[asked][:, 2] == 11).all() and (inputs[~asked][:, 2] < 11).all()
    assert (attend[~asked] == -1).all() and not targets[~asked].any()
    for row in inputs[:, :15].reshape(B, 3, 5, 3):
        names = row[:, :, 0]
        assert (names == names[:, :1]).all() and len(set(names[:, 0])) == 3
        assert all(len(set(keys)) == 5 for keys in row[:, :, 1])
    assert set(inputs[..., 0].ravel()) == set(range(13)) and set(attend[asked]) == set(range(15))


def test_induction(rng):
    drawn = induction.induction(rng, B, length=23, n_symbols=7)
    inputs = drawn["inputs"]
    assert set(inputs.ravel()) == set(range(7))
    for b, t in np.ndindex(B, 23):
        before = np.flatnonzero(inputs[b, :t] == inputs[b, t])
        assert drawn["asked"][b, t] == bool(len(before))
        place = before[-1] + 1 if len(before) else -1
        assert drawn["attend"][b, t] == place
        assert drawn["targets"][b, t] == (inputs[b, place] if len(before) else 0)


def test_wrong_arguments(rng):
    for wrong in (dict(n_documents=65), dict(n_facts=9), dict(n_queries=0)):
        with pytest.raises(ArgumentError):
            documents.multi_document(rng, 3, **wrong)
    with pytest.raises(ArgumentError):
        induction.induction(rng, 3, length=0)
    for task in (documents.multi_document, induction.induction):
        with pytest.raises(DTypeError):
            task(0, 3)
