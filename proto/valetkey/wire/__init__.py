"""Messages that services leave for each other, between versions that are deployed apart. Knows no room.

The conversion between a message and a value of ``valetkey.core`` belongs to the room that stores the message:
``valetkey.storage.redis``.
"""
