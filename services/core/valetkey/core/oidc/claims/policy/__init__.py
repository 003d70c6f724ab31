"""A client's claim policy: which claims it gets where, and under what names. One file per kind of policy."""
