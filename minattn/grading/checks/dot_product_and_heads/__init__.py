"""Exercises of the lesson on dot products, masks, heads and positions."""

AFTER = "seq2seq-and-bahdanau"
