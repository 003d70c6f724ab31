"""The job that moves signing keys through their states. It runs and exits, and has no endpoint.

It does not know what the keys sign, nor HTTP, clients or users.
"""
