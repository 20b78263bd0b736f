import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.worlds import topics

VECTORS = topics.vectors(np.random.default_rng(3), 23, 13)
SIZES = dict(n_facts=5, n_questions=7, n_keys=11, n_values=3)


def drawn(seed=0, batch=19, **sizes):
    return topics.documents(np.random.default_rng(seed), batch, VECTORS, **(SIZES | sizes))


def test_the_fact_that_a_question_is_about_has_its_key_and_the_answer():
    b = drawn()
    assert b["facts"].shape == (19, 5, 2) and b["targets"].shape == (19, 7)
    for row in range(19):
        keys, values = b["facts"][row].T
        assert len(set(keys)) == 5
        np.testing.assert_array_equal(keys[b["attend"][row]], b["questions"][row])
        np.testing.assert_array_equal(values[b["attend"][row]], b["targets"][row])


def test_tokens_of_a_document_look_like_its_topic_and_no_two_documents_share_one():
    b = drawn()
    for name in ("fact_topics", "question_topics"):
        away = np.linalg.norm(b[name][:, :, None] - VECTORS, axis=-1)  # (B, n, topics)
        nearest = away.argmin(-1)
        assert (nearest == nearest[:, :1]).all() and len(set(nearest[:, 0])) == 19
        noise = b[name] - VECTORS[nearest]
        assert 0.1 < noise.std() < 0.14
    assert abs(VECTORS.std() - 0.5) < 0.05


@pytest.mark.parametrize("sizes", [{"batch": 24}, {"n_facts": 12}, {"n_values": 0}, {"n_questions": 0}])
def test_sizes_that_do_not_fit(sizes):
    with pytest.raises(ArgumentError):
        drawn(**sizes)
