"""Every setting: where it is read, checked and documented."""
