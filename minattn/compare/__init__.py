"""One tiny transformer, one mixer after the other: what does each buy, and what does it cost?

compare, Comparison   train and measure mixers on a task
TASKS, Task           what they are compared on
tables, pictures      the result for the terminal, as lines and points
"""

from .candidates import chosen
from .comparison import Comparison, compare, total_steps
from .tasks import TASKS, Task

__all__ = ["TASKS", "Comparison", "Task", "chosen", "compare", "total_steps"]
