"""Why a release is not made."""


class Refusal(Exception):
    """The sentence says what to do. Nothing has been changed."""
