"""Linear: attention whose state does not grow.

based            Taylor features beside a small window
fast_attention   polynomials in place of exp
lln_attention    exponentials that spread like softmax
transnormerllm   decays and gates in a language model
"""
