"""What clients are told when something is refused."""

from __future__ import annotations

from valetkey.core.oauth import causes
from valetkey.core.oauth.causes import Cause
from valetkey.core.oauth.errors import OAuthError

_HEAD = """# Errors

<!-- Made from the code by `make docs-reference`. -->

An endpoint answers a refusal as JSON with `error`, `error_description` and `reference`; the authorization endpoint
sends `error` and `error_description` to the redirect URI, or shows a page where that cannot be trusted. `reference` is
the trace id: with it, an operator finds the private reason in the log.

| `error` | `error_description` | when |
|---|---|---|
"""
_CAUSES = """
## Causes that are told

Where nothing secret is told, the description says what is wrong with the request. These are all such sentences;
`<parameter>` is a parameter of the protocol.

"""
_EXAMPLES = (
    causes.missing("<parameter>"),
    Cause("<parameter> is repeated"),
    Cause("<parameter> is longer than <number> bytes"),
    causes.no_object("<member>"),
    causes.holds_no_objects("<member>"),
    causes.other_method("<method>", "<method>"),
)


def render() -> str:
    """The page."""
    rows = [
        f"| `{kind.error}` | {kind.description} | {_first_sentence(kind)} |\n"
        for kind in sorted(_kinds(OAuthError), key=lambda kind: (kind.error, kind.__name__))
    ]
    told = {*_EXAMPLES, *(value for value in vars(causes).values() if isinstance(value, Cause))}
    sentences = "".join(f"- `{sentence}`\n" for sentence in sorted(cause.sentence for cause in told))
    return f"{_HEAD}{''.join(rows)}{_CAUSES}{sentences}"


def _first_sentence(kind: type[OAuthError]) -> str:
    return " ".join((kind.__doc__ or "").split(". ")[0].split()).replace("``", "`").rstrip(".")


def _kinds(kind: type[OAuthError]) -> list[type[OAuthError]]:
    below = [found for each in kind.__subclasses__() for found in _kinds(each)]
    return ([kind] if "error" in vars(kind) else []) + below
