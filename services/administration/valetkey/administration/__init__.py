"""What an operator may do, whether a command, a file, an HTTP API or a Kubernetes operator asks for it.

Plain functions over an ``Installation``. They check, act, end what has to end in both stores, and write the audit
event. They neither parse nor print, and ask no questions.
"""
