"""The commands of `minattn`, one file each. Only click is imported early; the rest when a command runs."""
