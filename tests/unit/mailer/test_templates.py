"""How mails are worded, and what a team may put in the place of our wording."""

from pathlib import Path

import pytest

from valetkey.core.mail.content import KINDS, LINKS, PasswordReset, RecoveryCodeUsed
from valetkey.mailer.examples import EXAMPLES
from valetkey.mailer.templates import MailTemplateError, MailTemplates

ISSUER = "https://id.example.com/realm"
RESET = PasswordReset(name="Ada", link="/reset?token=t", minutes=30)


def templates(directory: Path | None = None) -> MailTemplates:
    return MailTemplates("Acme & Sons", ISSUER, directory=directory)


@pytest.mark.parametrize("content", EXAMPLES, ids=lambda content: content.kind)
def test_every_kind_is_worded_in_text_and_html(content: object) -> None:
    worded = templates().word(content, "ada@example.com")  # type: ignore[arg-type] # an example of a kind

    links = [getattr(content, name) for name in LINKS if hasattr(content, name)]
    assert worded.subject.isprintable()
    assert "Acme & Sons" in worded.text
    assert "Acme &amp; Sons" in worded.html
    assert all(f"{ISSUER}{link}" in worded.text for link in links)
    assert "\n\n\n" not in worded.text
    assert not [word for word in ("None", "{{", "{%") if word in worded.text + worded.html]


def test_there_is_an_example_of_every_kind() -> None:
    assert [example.kind for example in EXAMPLES] == list(KINDS)


@pytest.mark.requirement("security: a mail that is read tells no server, and runs nothing")
@pytest.mark.parametrize("content", EXAMPLES, ids=lambda content: content.kind)
def test_html_loads_nothing_and_runs_nothing(content: object) -> None:
    html = templates().word(content, "ada@example.com").html  # type: ignore[arg-type] # an example of a kind

    assert not [each for each in ("<img", "<script", "<link", "url(", "<form", "src=") if each in html.lower()]


def test_one_template_of_a_team_comes_before_ours_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "password_reset.txt").write_text(
        '{% extends "valetkey/password_reset.txt" %}{% block subject %}Acme: a new password{% endblock %}'
    )

    changed, same = templates(tmp_path).word(RESET, "a@b"), templates().word(RESET, "a@b")

    assert changed.subject == "Acme: a new password"
    assert changed.text == same.text
    assert changed.html.replace(changed.subject, same.subject) == same.html


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("password_reset.txt", "{% block subject %}Reset{% endblock %}{{ nothing }}", "'nothing' is undefined"),
        ("password_reset.txt", "{{ link }}", "needs a block named subject"),
        ("password_reset.txt", "{% block subject %}Two\nlines{% endblock %}", "of one line"),
        ("password_reset.html", "{% if %}", "password_reset.html"),
        ("layout.html", "{{ ''.__class__.__mro__ }}", "unsafe"),
        ("layout.txt", "{{ name.format.__globals__ }}", "unsafe"),
    ],
)
def test_a_template_that_cannot_be_used_is_found_at_start(tmp_path: Path, file: str, text: str, reason: str) -> None:
    (tmp_path / file).write_text(text)

    with pytest.raises(MailTemplateError, match=reason):
        templates(tmp_path)


def test_a_directory_that_is_not_there_is_found_at_start(tmp_path: Path) -> None:
    with pytest.raises(MailTemplateError, match="does not exist"):
        templates(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("minutes", "words"), [(30, "30 minutes"), (60, "1 hour"), (90, "90 minutes"), (120, "2 hours"), (10080, "7 days")]
)
def test_durations_are_for_people(minutes: int, words: str) -> None:
    worded = templates().word(PasswordReset(name="Ada", link="/r", minutes=minutes), "a@b")

    assert f"within {words}." in worded.text


@pytest.mark.parametrize(("remain", "words"), [(0, "No recovery code is left"), (1, "One recovery"), (7, "7 recovery")])
def test_what_is_left_is_said_in_numbers_that_agree(remain: int, words: str) -> None:
    at = next(example for example in EXAMPLES if isinstance(example, RecoveryCodeUsed)).at

    assert words in templates().word(RecoveryCodeUsed(name="Ada", remain=remain, at=at), "a@b").text
