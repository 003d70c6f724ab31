"""How far the clocks of an installation may differ before lifetimes are no longer kept.

Time bounds lifetimes only. Whether something has ended is a matter of epochs, see ``epoch``.
"""

from datetime import timedelta

# Between any two machines: replicas, PostgreSQL, operators. `valetkey doctor` and an alert report far less than this.
CLOCK_TOLERANCE = timedelta(minutes=5)
