"""Ctrl-C between two steps, never inside one."""

import signal
import threading
from contextlib import contextmanager


class Interrupts:
    """`pending` becomes True at the first Ctrl-C."""

    pending = False


@contextmanager
def held_back():
    """Inside the `with` block the first Ctrl-C only sets `pending`; a second one interrupts at once.

    A half-made step would leave parameters that belong to no step. Outside the main thread, where Python
    delivers no signals, nothing is held back.
    """
    state = Interrupts()
    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(former):
        yield state
        return

    def note(number, frame):
        if state.pending:
            former(number, frame)
        state.pending = True

    signal.signal(signal.SIGINT, note)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, former)
