"""Everything on one machine, from one command, with nothing to install first and nothing left behind."""
