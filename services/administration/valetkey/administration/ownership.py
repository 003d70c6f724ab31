"""Who owns what: a thing that was applied from a file is changed in that file."""

from valetkey.administration.errors import Owned


def require_unowned(name: str, managed_by: str | None, *, force: bool) -> None:
    """Raise ``Owned`` where an applied file owns it: the next time would undo a change by hand."""
    if managed_by is not None and not force:
        raise Owned(f"{name} is owned by {managed_by}, whose next `valetkey client apply` would undo this.")


def owned_by(managed_by: str | None) -> str:
    """Whose it is, in words."""
    return "without an owner" if managed_by is None else f"owned by {managed_by}"
