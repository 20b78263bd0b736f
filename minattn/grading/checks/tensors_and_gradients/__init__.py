"""Exercises of the lesson on arrays, softmax and gradients by hand."""

AFTER = None
