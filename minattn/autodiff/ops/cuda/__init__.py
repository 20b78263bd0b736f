"""CUDA kernels, float32: CUDA C text, derivation and launch, one file for each primitive and for AdamW.

Loaded when the backend "cupy" is first chosen. A launch answers Declined for what its kernel does not cover;
then CuPy computes with the array version.
"""

from . import adamw, attention, dropout, embedding, gated, gelu, gru, loss, lstm, norm, rnn, rotary, softmax

MODULES = (adamw, attention, dropout, embedding, gated, gelu, gru, loss, lstm, norm, rnn, rotary, softmax)
