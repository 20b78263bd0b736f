"""The other libraries, at their best settings. child.py loads the file of its contender, and no other."""
