"""The job that moves signing keys through their states; it runs and exits, and talks to nobody.

It does not know what the keys sign, nor HTTP, clients or users.
"""
