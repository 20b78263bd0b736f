"""`python -m minattn` is `minattn`, for machines whose scripts folder is not on the path."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="minattn")
