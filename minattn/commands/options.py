"""Options that several commands share."""

import click


def _use(ctx, option, name):
    if name is not None:
        from ..backends import use

        use(name)
    return name


backend_option = click.option(
    "--backend",
    metavar="NAME",
    callback=_use,
    expose_value=False,
    help="Compute with numpy, numba or cupy (default: MINATTN_BACKEND, else numpy).",
)
