"""Version 1 of the messages. They only ever grow; see ``proto/README.md``."""
