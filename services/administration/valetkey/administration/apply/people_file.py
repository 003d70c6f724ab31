"""Reads the groups and users of a file. The README of the command describes their fields."""

from __future__ import annotations

from pathlib import Path

from valetkey.administration.apply.declaration import DeclaredGroup, DeclaredUser
from valetkey.administration.apply.field import Fields
from valetkey.administration.user_attributes import email_problem
from valetkey.core.authentication.group import Group, group_name_problem, group_problems
from valetkey.core.authentication.user import normalize_login_name

GROUP_FIELDS = ("name", "display_name", "description", "required_acr", "members", "member_groups")
USER_FIELDS = ("username", "email", "email_verified", "claims", "enabled", "password_file")


def read_group(fields: Fields) -> DeclaredGroup | None:
    """A group, None where it cannot be read. What is wrong is noted."""
    group = Group(
        fields.required_text("name"),
        fields.text("display_name"),
        fields.text("description"),
        fields.text("required_acr"),
    )
    members, inner = fields.texts("members"), fields.texts("member_groups")
    if not fields.are_sound:
        return None
    for problem in group_problems(group):
        fields.problem(problem)
    for name in inner or ():
        if (wrong := group_name_problem(name)) is not None:
            fields.problem(f"member_groups: {name!r} is no name of a group; {wrong}")
    return DeclaredGroup(group, members, inner)


def read_user(fields: Fields, directory: Path) -> DeclaredUser | None:
    """A user, None where it cannot be read. What is wrong is noted."""
    username, email = fields.required_text("username"), fields.text("email")
    verified, enabled = fields.flag("email_verified"), fields.flag("enabled")
    claims, password_file = fields.mapping("claims"), fields.text("password_file")
    if not fields.are_sound:
        return None
    if normalize_login_name(username) is None:
        fields.problem("username: use 1 to 254 characters without spaces and control characters")
    if email is not None and (wrong := email_problem(email)) is not None:
        fields.problem(f"email: {wrong}")
    if verified and email is None:
        fields.problem("email_verified: there is no email")
    return DeclaredUser(
        username,
        email,
        email_verified=bool(verified),
        claims=dict(claims or {}),
        enabled=enabled is not False,
        password_file=None if password_file is None else directory / password_file,
    )
