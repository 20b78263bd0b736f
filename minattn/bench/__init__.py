"""Benchmarks behind `minattn bench`: minattn beside other libraries, on the same numbers, in turns.

Read in this order.
workloads    what is timed, its sizes, and the arrays and weights that every contender gets
ours         each workload through minattn's public functions
peers        the same in PyTorch, JAX, autograd and tinygrad
contenders   who takes part in what, and why somebody does not
child        the process of one contender: it builds, and answers requests of one line
race         the parent: it compares results, then lets the contenders take turns
growth       time and memory while T doubles
figures      everything measured as one JSON, with the machine; ratios
tables       those figures for the terminal and as Markdown
pictures     those figures as charts
profile      where the time of a step goes, primitive by primitive
"""
