"""The CUDA C text of attention; its derivation stands in attention.py."""

from .common import HELPERS

_PARTS = r"""
#define ROWS (WIDTH > 64 ? 2 : 4)  // rows that one warp owns
#define OWN (WARPS * ROWS)         // rows that one block owns
typedef float Row[WIDTH + 1];      // one number too many: then 32 lanes that read 32 rows use 32 memory banks

// into[i] = from[first + i] for 0 <= i < rows, 0 beyond the end; from (count, width).
__device__ inline void load(Row* into, int rows, const float* from, int first, int count, int width)
{
    for (int i = threadIdx.y; i < rows; i += WARPS)
        for (int c = threadIdx.x; c < WIDTH; c += 32)
            into[i][c] = first + i < count && c < width ? from[(first + i) * width + c] : 0.0f;
}

// to[first + i] = sums[i] for the ROWS rows of this warp; here a lane is a column.
__device__ inline void store(float* to, float (*sums)[WIDTH / 32], int first, int count, int width)
{
    for (int r = 0; r < ROWS && first + r < count; r++)
        for (int c = 0; c < WIDTH / 32; c++) {
            int column = c * 32 + threadIdx.x;
            if (column < width) to[(first + r) * width + column] = sums[r][c];
        }
}

// dots[r] = own[r] . other
__device__ inline void products(const Row* own, const float* other, float* dots)
{
    for (int r = 0; r < ROWS; r++) dots[r] = 0;
    for (int c = 0; c < WIDTH; c++)
        for (int r = 0; r < ROWS; r++) dots[r] += own[r][c] * other[c];
}

// sums[r] += sum over j of factors[r][j] tile[j]; here a lane is a column.
__device__ inline void gather(const float (*factors)[32], const Row* tile, float (*sums)[WIDTH / 32])
{
    for (int j = 0; j < 32; j++)
        for (int c = 0; c < WIDTH / 32; c++)
            for (int r = 0; r < ROWS; r++) sums[r][c] += factors[r][j] * tile[j][c * 32 + threadIdx.x];
}

// What every kernel is given: arrays, strides of mask, bias and radial (0 = one for all), the band, sizes.
// n_heads query heads a batch row; `group` of them, one after another, share a head of keys and values.
#define GIVEN const float* q, const float* k, const float* v, \
    const bool* mask, int mask_b, int mask_h, int mask_q, int mask_k, \
    const float* bias, int bias_b, int bias_h, int bias_q, int bias_k, \
    const float* radial, int radial_h, int radial_step, int low, int high, float scale, \
    int n_heads, int group, int n_q, int n_k, int d, int dv

// The mask and biases of a query head.
#define EXTRAS_OF(head) \
    const bool* allowed = mask + (head) / n_heads * mask_b + (head) % n_heads * mask_h; \
    const float* added = bias + (head) / n_heads * bias_b + (head) % n_heads * bias_h; \
    const float* by_distance = radial + (head) % n_heads * radial_h;

// What is added to score (i, j); -inf where forbidden or beyond the end.
#define OFFSET(i, j) \
    ((i) < n_q && (j) < n_k && low <= (j) - (i) && (j) - (i) <= high && allowed[(i) * mask_q + (j) * mask_k] \
    ? added[(i) * bias_q + (j) * bias_k] + by_distance[((i) - (j) + n_k - 1) * radial_step] : -INFINITE)

// A block of queries: its head, its first query, and the keys that the band leaves it, from a whole tile on.
#define ENTER_QUERIES \
    int head = blockIdx.x, first = blockIdx.y * OWN, lane = threadIdx.x, own = threadIdx.y * ROWS; \
    int start = max(0, first + low) / 32 * 32, stop = min(n_k, first + OWN + high); \
    q += head * n_q * d, k += head / group * n_k * d, v += head / group * n_k * dv; \
    EXTRAS_OF(head)
"""

_FORWARD = r"""
extern "C" __global__ void attention_forward(GIVEN, float* out, float* lse)
{
    __shared__ float queries[OWN][WIDTH + 1], keys[32][WIDTH + 1], values[32][WIDTH + 1], weights[OWN][32];
    ENTER_QUERIES
    float top[ROWS], total[ROWS], sums[ROWS][WIDTH / 32] = {}, offset[ROWS], score[ROWS];
    for (int r = 0; r < ROWS; r++) top[r] = -INFINITE, total[r] = 0;
    load(queries, OWN, q, first, n_q, d);
    for (int key = start; key < stop; key += 32) {
        bool any = false;
        for (int r = 0; r < ROWS; r++) {
            offset[r] = OFFSET(first + own + r, key + lane);
            any = any || offset[r] != -INFINITE;
        }
        if (!__syncthreads_or(any)) continue;  // nobody allowed; and all are done with the tile before
        load(keys, 32, k, key, n_k, d);
        load(values, 32, v, key, n_k, dv);
        __syncthreads();
        products(&queries[own], keys[lane], score);
        for (int r = 0; r < ROWS; r++) {
            float s = score[r] * scale + offset[r], now = fmaxf(top[r], warp_max(s));
            float shift = now == -INFINITE ? 0.0f : now;  // no key yet: any number will do
            float weight = expf(s - shift), shrink = expf(top[r] - shift);
            top[r] = now, total[r] = total[r] * shrink + weight;
            weights[own + r][lane] = weight;
            for (int c = 0; c < WIDTH / 32; c++) sums[r][c] *= shrink;
        }
        __syncwarp();
        gather(&weights[own], values, sums);
    }
    for (int r = 0; r < ROWS; r++) {
        float all = warp_sum(total[r]);
        int i = first + own + r;
        for (int c = 0; c < WIDTH / 32; c++) sums[r][c] /= all == 0 ? 1.0f : all;
        if (lane == 0 && i < n_q) lse[head * n_q + i] = all == 0 ? INFINITE : top[r] + logf(all);
    }
    store(out + head * n_q * dv, sums, first + own, n_q, dv);
}
"""

_BACKWARD = r"""
extern "C" __global__ void attention_backward_q(GIVEN, const float* g, const float* along, const float* lse,
                                                float* dq)
{
    __shared__ float queries[OWN][WIDTH + 1], grads[OWN][WIDTH + 1], slopes[OWN][32];
    __shared__ float keys[32][WIDTH + 1], values[32][WIDTH + 1];
    ENTER_QUERIES
    g += head * n_q * dv, along += head * n_q, lse += head * n_q;
    float sums[ROWS][WIDTH / 32] = {}, offset[ROWS], score[ROWS], away[ROWS];
    load(queries, OWN, q, first, n_q, d);
    load(grads, OWN, g, first, n_q, dv);
    for (int key = start; key < stop; key += 32) {
        bool any = false;
        for (int r = 0; r < ROWS; r++) {
            offset[r] = OFFSET(first + own + r, key + lane);
            any = any || offset[r] != -INFINITE;
        }
        if (!__syncthreads_or(any)) continue;
        load(keys, 32, k, key, n_k, d);
        load(values, 32, v, key, n_k, dv);
        __syncthreads();
        products(&queries[own], keys[lane], score);
        products(&grads[own], values[lane], away);
        for (int r = 0; r < ROWS; r++) {
            int i = min(first + own + r, n_q - 1);  // beyond the end the offset makes the weight 0
            float weight = expf(score[r] * scale + offset[r] - lse[i]);
            slopes[own + r][lane] = weight * (away[r] - along[i]) * scale;
        }
        __syncwarp();
        gather(&slopes[own], keys, sums);
    }
    store(dq + head * n_q * d, sums, first + own, n_q, d);
}

// The sums over the queries take all query heads that share this head of keys.
extern "C" __global__ void attention_backward_kv(GIVEN, const float* g, const float* along, const float* lse,
                                                 float* dk, float* d_values)
{
    __shared__ float keys[OWN][WIDTH + 1], values[OWN][WIDTH + 1], weights[OWN][32], slopes[OWN][32];
    __shared__ float queries[32][WIDTH + 1], grads[32][WIDTH + 1];
    int owner = blockIdx.x, first = blockIdx.y * OWN, lane = threadIdx.x, own = threadIdx.y * ROWS;
    int start = max(0, first - high) / 32 * 32, stop = min(n_q, first + OWN - low);
    float k_sums[ROWS][WIDTH / 32] = {}, v_sums[ROWS][WIDTH / 32] = {}, offset[ROWS], score[ROWS], away[ROWS];
    load(keys, OWN, k + owner * n_k * d, first, n_k, d);
    load(values, OWN, v + owner * n_k * dv, first, n_k, dv);
    for (int head = owner * group; head < (owner + 1) * group; head++) {
        EXTRAS_OF(head)
        for (int query = start; query < stop; query += 32) {
            bool any = false;
            for (int r = 0; r < ROWS; r++) {
                offset[r] = OFFSET(query + lane, first + own + r);
                any = any || offset[r] != -INFINITE;
            }
            if (!__syncthreads_or(any)) continue;
            load(queries, 32, q + head * n_q * d, query, n_q, d);
            load(grads, 32, g + head * n_q * dv, query, n_q, dv);
            __syncthreads();
            products(&keys[own], queries[lane], score);
            products(&values[own], grads[lane], away);
            int i = head * n_q + min(query + lane, n_q - 1);
            for (int r = 0; r < ROWS; r++) {
                float weight = expf(score[r] * scale + offset[r] - lse[i]);
                weights[own + r][lane] = weight;
                slopes[own + r][lane] = weight * (away[r] - along[i]) * scale;
            }
            __syncwarp();
            gather(&slopes[own], queries, k_sums);
            gather(&weights[own], grads, v_sums);
        }
    }
    store(dk + owner * n_k * d, k_sums, first + own, n_k, d);
    store(d_values + owner * n_k * dv, v_sums, first + own, n_k, dv);
}
"""

SOURCE = HELPERS + _PARTS + _FORWARD + _BACKWARD
