"""Mail: a worker where there is a server for it, what it alone is told, and whom it alone may reach."""
