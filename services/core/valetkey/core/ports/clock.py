"""What time it is. Nothing else reads a clock."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
