"""The padding mask."""

from ...errors import ArgumentError


class Padding:
    """True where a key is a real token.

    `attn(x, valid=...)` masks padding by itself; put Padding into a slot to demand that `valid` is given.
    """

    def __call__(self, t):
        if t.valid is None:
            raise ArgumentError(
                "Padding", expected="valid (B, S)", got="None", hint="attn(x, valid=ids != PAD)"
            )
        return t.valid[:, None, None, :]
