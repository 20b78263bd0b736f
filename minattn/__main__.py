"""`python -m minattn` is `minattn`."""

from .cli import main

main(prog_name="minattn")
