"""The stations of the tour, in order, with the words that explain them."""

from __future__ import annotations

from dataclasses import dataclass

from valetkey.demo.relying_party import actions
from valetkey.demo.relying_party.actions import Action


@dataclass(frozen=True, slots=True)
class Button:
    """A form with one button; ``field`` asks for a line of text first. Without ``action`` the path is of its own."""

    name: str
    label: str
    action: Action | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One station. ``needs`` is what it takes: nothing, tokens, or tokens that were revoked."""

    name: str
    title: str
    text: str
    buttons: tuple[Button, ...] = ()
    needs: str = "tokens"


SIGN_IN = "sign-in"
TOKENS = "tokens"
SIGN_OUT = "sign-out"

STEPS: tuple[Step, ...] = (
    Step(
        SIGN_IN,
        "Sign in",
        "This application never sees your password. It sends your browser to Valetkey with a challenge (PKCE), and"
        " gets it back with a code that only this application can redeem, and only once.",
        (Button(SIGN_IN, "Sign in with Valetkey"),),
        needs="",
    ),
    Step(
        TOKENS,
        "Look at the tokens",
        "The access token is for the API, the ID token tells this application who you are, and the refresh token"
        " gets new ones. The first two are signed: every holder can read them, only the issuer can make them.",
    ),
    Step(
        "userinfo",
        "Ask who signed in",
        "The UserInfo endpoint tells as much about you as you agreed to. Only now does Notebook learn your name.",
        (Button("userinfo", "Ask for UserInfo", actions.userinfo),),
    ),
    Step(
        "api",
        "Call the API",
        "The API knows Valetkey's public keys and checks the access token by itself: signature, issuer, audience,"
        " lifetime and scope. One route is more careful and asks Valetkey each time.",
        (
            Button("read-notes", "Read notes", actions.read_notes),
            Button("read-carefully", "Read carefully", actions.read_carefully),
            Button("add-note", "Add a note", actions.add_note, field="A note"),
        ),
    ),
    Step(
        "refresh",
        "Refresh",
        "Access tokens live for minutes. The refresh token gets the next one, and is replaced itself: presenting an"
        " old one later counts as theft and ends the whole grant.",
        (Button("refresh", "Refresh the tokens", actions.refresh),),
    ),
    Step(
        "groups",
        "Do what only a group may",
        "A role is a group that the API knows. Your access token names your groups, because Notebook's registration"
        " lets this API see them, and only members of platform may clear the notes. Leaving the group takes the right"
        " away with the next token. The last two buttons do what an operator does: valetkey group add, group remove.",
        (
            Button("clear-notes", "Clear the notes", actions.clear_notes),
            Button("leave-group", "Leave platform, and try", actions.leave_group),
            Button("join-group", "Join platform, and try", actions.join_group),
        ),
    ),
    Step(
        "introspect",
        "Introspect",
        "The client that the token was issued to, or is for, may ask Valetkey whether it still counts.",
        (Button("introspect", "Introspect the access token", actions.introspect),),
    ),
    Step(
        "revoke",
        "Revoke",
        "Giving the refresh token back ends the grant, on every replica, before the answer arrives.",
        (Button("revoke", "Revoke the grant", actions.revoke),),
    ),
    Step(
        "call-again",
        "Call again, and be refused",
        "The tokens look exactly as they did. See who notices.",
        (Button("call-again", "Call with the revoked tokens", actions.call_again),),
        needs="revoked",
    ),
    Step(
        "rotate-keys",
        "Rotate the keys",
        "Keys are published first, sign later, and stay published until the last token they signed has expired, so"
        " no client notices. A button for this exists only in the demo. Sign in again afterwards: no password this"
        " time, and the new tokens name the new key.",
        (Button("rotate-keys", "Rotate the signing keys", actions.rotate_keys),),
        needs="",
    ),
    Step(
        SIGN_OUT,
        "Sign out",
        "This application gives its refresh token back and forgets its tokens, then asks Valetkey to end your"
        " session there too.",
        (Button(SIGN_OUT, "Sign out"),),
    ),
)

ACTIONS: dict[str, tuple[str, Action]] = {
    button.name: (step.name, button.action) for step in STEPS for button in step.buttons if button.action is not None
}
"""Each button's step and action, by the button's name."""
