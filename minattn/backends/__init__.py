"""1. Whose arrays, whose compiler.

use / using / current   choose numpy, numba or cupy
xp                      the chosen array namespace, written like `np`
asnumpy                 bring an array back to the host
jit, prange             mark a kernel body; it stays ordinary Python until a backend compiles it
matmul_precision        float32, tf32 or bf16 for a GPU's matrix products; `multiplying` for a while
capture                 a training step as one CUDA graph; each_step, device_numbers for what changes in it
threads                 how many threads the kernels share their work among
blas_threads            how many threads NumPy's matrix products may use
kernel, Declined        register a kernel in the one table; its answer where it does not fit
available, report       what this machine has, which kernels ran, and why others did not
"""

from .compile import Kernel, jit, prange, without_compiler
from .dispatch import Declined, kernel, kernel_log
from .graph import capture, device_numbers, each_step, recording
from .precision import matmul_precision, multiplying
from .report import report
from .select import asnumpy, available, current, on_device, register, use, using, xp
from .threads import blas_threads, threads

__all__ = [
    "Declined", "Kernel", "asnumpy", "available", "blas_threads", "capture", "current", "device_numbers",
    "each_step", "jit", "kernel", "kernel_log", "matmul_precision", "multiplying", "on_device", "prange",
    "recording", "register", "report", "threads", "use", "using", "without_compiler", "xp",
]  # fmt: skip
