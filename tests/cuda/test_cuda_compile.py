"""Every CUDA text compiles with NVIDIA's own compiler (NVRTC), which needs no GPU and no driver."""

import pytest

from minattn.autodiff.ops import cuda
from minattn.autodiff.ops.cuda.attention import WIDTHS
from minattn.backends import gemm

pytestmark = pytest.mark.cuda
TEXTS = {module.__name__.rpartition(".")[2]: (module.SOURCE, ()) for module in cuda.MODULES}
del TEXTS["attention"]  # which is no whole text without its width
TEXTS |= {f"attention {w}": (cuda.attention.SOURCE, (f"-DWIDTH={w}",)) for w in WIDTHS}
TEXTS["gemm"] = gemm.SOURCE, ()


def compiled(source, *options):
    """(size of the machine code, what the compiler says)."""
    from cuda.bindings import nvrtc

    _, program = nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, [], [])
    options = [option.encode() for option in ("--std=c++14", *options)]  # CuPy's choice
    nvrtc.nvrtcCompileProgram(program, len(options), options)
    log = bytearray(nvrtc.nvrtcGetProgramLogSize(program)[1])  # no bytes: Python shares short ones
    nvrtc.nvrtcGetProgramLog(program, log)
    return nvrtc.nvrtcGetCUBINSize(program)[1], log.decode().strip(" \0\n")


@pytest.mark.parametrize("card", ["sm_80", "sm_90"])
@pytest.mark.parametrize("name", TEXTS)
def test_text_compiles_without_a_warning(name, card):
    source, options = TEXTS[name]
    size, log = compiled(source, *options, f"--gpu-architecture={card}")
    assert log == "" and size > 0


def test_a_wrong_text_is_refused():
    size, log = compiled('extern "C" __global__ void f() { undeclared = 1; }', "--gpu-architecture=sm_80")
    assert size == 0 and "undeclared" in log
