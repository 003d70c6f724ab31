"""Ways to prove who one is, one file each. A method is a file here, a line in ``registry`` and one in ``core``'s table.

A password begins a login; what follows it is a ``SecondFactor``. See ``method`` for the shape of one.
"""
