// CUDA C on a processor, for tests: the threads of a block are fibers that one processor thread runs in turn.
// A fiber goes on until it must wait for others (a barrier, a shuffle), then the next one runs. `backwards` runs
// them in the opposite turn: where a barrier is missing, the two results differ. Blocks run one after another,
// so `__shared__` is `static`. A barrier that not all threads reach is reported, where a GPU would hang.
#include <ucontext.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

using std::max;
using std::min;
#define __global__
#define __device__
#define __shared__ static

struct dim3 { unsigned x, y, z; };
static dim3 blockIdx, blockDim, gridDim;

struct Barrier {
    int waiting = 0, round = 0, any = 0, last_any = 0;
};

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    dim3 thread;
    int number;
    bool done;
};

static std::vector<Fiber> fibers;
static std::vector<Barrier> warps;
static std::vector<float> exchange;
static Barrier block_barrier;
static ucontext_t scheduler;
static Fiber* me;
static bool moved;
#define threadIdx (me->thread)

static void give_way()
{
    swapcontext(&me->context, &scheduler);
    asm volatile("" ::: "memory");
}

static int wait_at(Barrier& barrier, int size, int value)
{
    int round = barrier.round;
    barrier.any |= value;
    moved = true;
    if (++barrier.waiting == size) {
        barrier.last_any = barrier.any;
        barrier.waiting = barrier.any = 0;
        barrier.round++;
        return barrier.last_any;
    }
    while (barrier.round == round) give_way();
    return barrier.last_any;
}

static int warp_size() { return min(32, (int)fibers.size() - me->number / 32 * 32); }
static void __syncwarp() { wait_at(warps[me->number / 32], warp_size(), 0); }
static void __syncthreads() { wait_at(block_barrier, fibers.size(), 0); }
static int __syncthreads_or(int value) { return wait_at(block_barrier, fibers.size(), value != 0); }

static float __shfl_xor_sync(unsigned, float value, int far)
{
    exchange[me->number] = value;
    __syncwarp();
    float other = exchange[me->number ^ far];
    __syncwarp();
    return other;
}

static float __int_as_float(int bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static unsigned __float_as_uint(float value)
{
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static float atomicAdd(float* place, float value)
{
    float before = *place;
    *place += value;
    return before;
}

template <class... A, std::size_t... I>
static void call(void (*kernel)(A...), void** args, std::index_sequence<I...>) { kernel(*(A*)args[I]...); }

static void (*body)();

static void start()
{
    body();
    me->done = moved = true;
    swapcontext(&me->context, &scheduler);
}

static bool run_block(bool backwards)
{
    int count = fibers.size(), left = count;
    block_barrier = {};
    std::fill(warps.begin(), warps.end(), Barrier{});
    for (Fiber& fiber : fibers) {
        fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        makecontext(&fiber.context, start, 0);
    }
    while (left > 0) {
        moved = false;
        for (int i = 0; i < count; i++) {
            me = &fibers[backwards ? count - 1 - i : i];
            if (me->done) continue;
            swapcontext(&scheduler, &me->context);
            left -= me->done;
        }
        if (!moved) return false;  // all wait for somebody who will not come
    }
    return true;
}

// Runs `kernel` on every block. Returns 0, or 1 where threads wait for ever.
template <class... A>
static int launch(void (*kernel)(A...), const unsigned* shape, bool backwards, void** args)
{
    static void (*given)(A...);
    static void** with;
    given = kernel, with = args;
    body = [] { call(given, with, std::index_sequence_for<A...>{}); };
    gridDim = {shape[0], shape[1], shape[2]};
    blockDim = {shape[3], shape[4], shape[5]};
    unsigned count = blockDim.x * blockDim.y * blockDim.z;
    fibers = std::vector<Fiber>(count);
    warps = std::vector<Barrier>((count + 31) / 32);
    exchange = std::vector<float>(count);
    for (unsigned i = 0; i < count; i++) {
        fibers[i].number = i;
        fibers[i].thread = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
        fibers[i].stack.resize(64 << 10);
    }
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                if (!run_block(backwards)) return 1;
            }
    return 0;
}
