"""Claims about users, as ID tokens, UserInfo and access tokens may have them."""

from __future__ import annotations

from valetkey.core.oidc.claims.registry import CLAIMS
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS

_HEAD = """# Claims

<!-- Made from the code by `make docs-reference`. -->

What an application can learn about a user. A scope opens claims; the `claims` parameter asks for single ones; the
[claim policy](../../../services/cli/README.md) of a client says which of them go where, under which name.
An empty value is left out. `sub` is always there, and never changes.

| claim | opened by the scope | on the consent page | set with |
|---|---|---|---|
"""
_RESERVED = """
Custom attributes (`valetkey attribute create`) add claims of your own, opened by a scope that you choose.

## Names that nothing may set

No attribute, constant or policy can give a token one of these. It is refused when it is declared, not when people
sign in.

"""


def render() -> str:
    """The page."""
    rows = [
        f"| `{claim.name}` | `{claim.scope}` | {claim.words} | "
        f"{'what the user record says' if claim.column else f'`--claim {claim.attribute_name}=...`'} |\n"
        for claim in CLAIMS
    ]
    names = " ".join(f"`{name}`" for name in sorted(RESERVED_CLAIMS))
    return f"{_HEAD}{''.join(rows)}{_RESERVED}{names}\n"
