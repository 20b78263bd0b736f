"""The padding mask."""

from ...errors import ArgumentError


class Padding:
    """True where a key is a real token. Raises ArgumentError where the call gives no `valid`.

    `attn(x, valid=...)` masks padding by itself; put Padding into a slot to demand that `valid` is given.
    """

    def __call__(self, t):
        if t.valid is None:
            raise ArgumentError("Padding", expected="valid (B, S)", got="None", hint="valid=ids != PAD")
        return t.valid[:, None, None, :]
