"""Exercises of the lesson on networks that read a sequence step by step."""

AFTER = "tensors-and-gradients"
