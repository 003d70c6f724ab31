"""What is counted in Redis, and how much of it others may fill."""
