"""What is asked for, in words."""

from valetkey.authorize.consent.words import scope_groups
from valetkey.authorize.pages.models import ScopeGroup, ScopeWords
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer

NOTES, FILES = "https://notes.example", "https://files.example"
CATALOG = Catalog(
    scopes={
        "openid": RegisteredScope("openid", "Confirm who you are"),
        "notes:read": RegisteredScope("notes:read", "Read your notes", NOTES),
        "notes:write": RegisteredScope("notes:write", "Change your notes", NOTES),
        "files:read": RegisteredScope("files:read", "Read your files", FILES),
    },
    resources={NOTES: ResourceServer(NOTES, "Notes"), FILES: ResourceServer(FILES, "Files")},
)


def groups(*scope: str, resources: tuple[str, ...] = ()) -> list[tuple[str | None, list[str]]]:
    return [
        (group.api, [words.description for words in group.scopes]) for group in scope_groups(scope, resources, CATALOG)
    ]


def test_scopes_stand_under_the_api_they_belong_to_and_what_is_about_the_user_comes_first() -> None:
    asked = groups("notes:write", "openid", "files:read", "notes:read", resources=(NOTES, FILES))

    assert asked == [
        (None, ["Confirm who you are"]),
        ("Notes", ["Change your notes", "Read your notes"]),
        ("Files", ["Read your files"]),
    ]


def test_an_api_that_is_asked_for_without_a_scope_is_named() -> None:
    assert groups("openid", resources=(FILES,)) == [(None, ["Confirm who you are"]), ("Files", [])]


def test_a_scope_of_an_api_that_is_not_asked_for_is_shown_all_the_same() -> None:
    assert groups("notes:read", resources=(FILES,)) == [("Files", []), ("Notes", ["Read your notes"])]


def test_nothing_about_the_user_means_no_group_about_the_user() -> None:
    assert groups("notes:read", resources=(NOTES,)) == [("Notes", ["Read your notes"])]


def test_scopes_keep_their_registered_names() -> None:
    (group,) = scope_groups(("openid",), (), CATALOG)

    assert group == ScopeGroup(None, [ScopeWords("openid", "Confirm who you are")])
