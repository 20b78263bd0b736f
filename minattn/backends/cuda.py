"""CUDA C kernels: text until CuPy compiles it, at its first launch on a GPU."""

import functools

import numpy as np


@functools.cache
def _module(source, options):
    import cupy

    return cupy.RawModule(code=source, options=options)


@functools.cache
def compiled(source, options, name):
    """One kernel of a CUDA C text; CuPy keeps the machine code on disk as well."""
    return _module(source, options).get_function(name)


def raw_kernel(source, name, **constants):
    """The kernel `name` of a CUDA C text, a function of (grid, block, *args).

    source      CUDA C; its kernels are declared extern "C" __global__
    constants   numbers that the text uses as macros: WIDTH=64 becomes -DWIDTH=64
    An array argument becomes the pointer to its first element and must be C-contiguous; a Python int
    becomes an `int`, a float a `float`. Compiled once for each text and choice of constants.
    """
    options = tuple(f"-D{key}={value}" for key, value in sorted(constants.items()))

    def launch(grid, block, *args):
        compiled(source, options, name)(grid, block, tuple(map(_c_number, args)))

    return launch


def _c_number(value):
    """A Python number as C's int or float; anything else as it is."""
    if isinstance(value, int):
        return np.int32(value)
    return np.float32(value) if isinstance(value, float) else value
