"""What is kept in Redis: things that are short-lived by nature. Does not know what a grant is.

Everything here may vanish at any moment without anybody being let in for it: a code that is gone cannot be redeemed, a
login that is gone starts again, and revocations that are gone are read from PostgreSQL.
"""
