"""How long things live in the installation that is harmed, in seconds."""

GRACE = 10.0
CODE_LIFETIME = 60.0
# Between what a service noted and what a client saw there may lie as much as an answer took.
MARGIN = 1.0
