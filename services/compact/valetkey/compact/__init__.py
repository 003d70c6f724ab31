"""All services as one process, for small places. Knows how they are put together, and no rule."""
