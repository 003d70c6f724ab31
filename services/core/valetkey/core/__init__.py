"""The rules of Valetkey: pure values and functions.

Nothing here opens a socket, reads a clock or knows a framework. Whatever the rules need from outside is declared in
``ports`` and handed in.
"""
