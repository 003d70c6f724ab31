"""Users from other systems: readers of their exports, one file each, and what is done with what they read."""
