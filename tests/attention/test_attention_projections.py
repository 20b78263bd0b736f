import numpy as np
import pytest

from minattn import attention as A
from minattn.attention.projections.multi_head import join_heads, split_heads

B, T, S, H, D = 2, 5, 7, 4, 3
M = H * D


def copy(source, target):
    for mine, theirs in zip(target.parameters(), source.parameters(), strict=True):
        mine.data = theirs.data.copy()
    return target


def test_multi_head_is_h_single_heads_side_by_side(rng):
    attention, x, context = (
        A.multi_head(M, H, rng=rng),
        rng.normal(size=(B, T, M)),
        rng.normal(size=(B, S, M)),
    )
    p = attention.projection
    single = A.Attention(A.Identity())
    heads = []
    for i in range(H):
        rows = slice(i * D, (i + 1) * D)
        q, k, v = (a @ w.weight.data[rows].T for a, w in ((x, p.w_q), (context, p.w_k), (context, p.w_v)))
        heads.append(single.trace(q, k).weights.numpy()[:, 0] @ v)
    expected = np.concatenate(heads, axis=-1) @ p.w_o.weight.data.T
    np.testing.assert_allclose(attention(x, context).numpy(), expected, atol=1e-5)


def test_grouped_query_with_all_heads_is_multi_head_and_with_one_is_multi_query(rng):
    x = rng.normal(size=(B, T, M))
    for whole, n in ((A.MultiHead(M, H, rng=rng), H), (A.MultiQuery(M, H, rng=rng), 1)):
        grouped = copy(whole, A.GroupedQuery(M, H, n, rng=rng))
        np.testing.assert_array_equal(A.Attention(whole)(x).numpy(), A.Attention(grouped)(x).numpy())


def test_groups_are_multi_head_with_repeated_key_heads(rng):
    grouped, x = A.GroupedQuery(M, H, 2, rng=rng), rng.normal(size=(B, T, M))
    whole = A.MultiHead(M, H, rng=rng)
    whole.w_q, whole.w_o = grouped.w_q, grouped.w_o
    for name in ("w_k", "w_v"):
        weight = getattr(grouped, name).weight.data.reshape(2, D, M)
        getattr(whole, name).weight.data = np.repeat(weight, 2, axis=0).reshape(M, M)
    np.testing.assert_allclose(A.Attention(whole)(x).numpy(), A.Attention(grouped)(x).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "projection, sizes",
    [
        (A.MultiHead(M, H, rng=np.random.default_rng(0)), (M, M, M, M)),
        (A.GroupedQuery(M, H, 2, rng=np.random.default_rng(0)), (M, 6, 6, M)),
        (A.MultiQuery(M, H, rng=np.random.default_rng(0), d_context=11), (M, 3, 3, M)),
    ],
)
def test_sizes_of_the_maps_and_of_what_comes_out(projection, sizes):
    maps = (projection.w_q, projection.w_k, projection.w_v, projection.w_o)
    assert tuple(w.n_out for w in maps) == sizes and projection.w_k.n_in == projection.d_context
    context = np.ones((B, S, projection.d_context))
    q, k, v = projection(np.ones((B, T, M)), context)
    assert q.shape == (B, H, T, D) and k.shape == v.shape == (B, projection.n_kv_heads, S, D)


def test_biases_can_be_left_out(rng):
    assert A.MultiHead(M, H, rng=rng, bias=False).n_parameters() == 4 * M * M


def test_split_and_join_are_inverse_and_keep_heads_together():
    x = np.arange(B * T * M, dtype=np.float32).reshape(B, T, M)
    heads = split_heads(x, H)
    np.testing.assert_array_equal(heads.numpy()[1, 2], x[1, :, 2 * D : 3 * D])
    np.testing.assert_array_equal(join_heads(heads).numpy(), x)


def test_identity_hands_through(rng):
    x, context = rng.normal(size=(B, T, 5)), rng.normal(size=(B, S, 5)).astype(np.float32)
    t = A.Attention(A.Identity()).trace(x, context)
    assert t.q.shape == (B, 1, T, 5) and t.k.shape == (B, 1, S, 5)
    np.testing.assert_array_equal(t.v.numpy()[:, 0], context)
