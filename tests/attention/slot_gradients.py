"""gradcheck of an attention: of its inputs and of every parameter in its slots."""

from minattn import gradcheck


def check_gradients(attention, *inputs, **given):
    """Central differences against backward for `attention.trace(*inputs, **given).out`: the worst error."""
    named = list(attention.named_parameters())

    def out(*values):
        for (path, _), value in zip(named, values[len(inputs) :]):
            *owners, last = path.split(".")
            owner = attention
            for name in owners:
                owner = owner[int(name)] if name.isdigit() else getattr(owner, name)
            setattr(owner, last, value)
        return attention.trace(*values[: len(inputs)], **given).out

    return gradcheck(out, *inputs, *(parameter.data for _, parameter in named))
