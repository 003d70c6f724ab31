"""What is kept in Redis: things that are short-lived by nature. Does not know what a grant is.

Everything here may be lost at any moment, and the loss grants no access: a lost code cannot be redeemed, a lost login
starts again, and lost revocations are read from PostgreSQL.
"""

import valetkey.storage.redis.client.without_metrics  # noqa: F401 - before anything else here imports redis-py
