"""A copy of one's own data, as a file of JSON. Nothing in it is a secret: no hash, no token, no key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    browser_of,
    changed_at,
    form_token,
    shown_at,
)
from valetkey.authorize.pages.account_models import ExportPage
from valetkey.authorize.pages.models import account_of
from valetkey.core.authentication.factor import Method
from valetkey.core.routes import ACCOUNT, ACCOUNT_EXPORT
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from datetime import datetime

# Raised when a member goes or means something else; one that is added changes nothing for a reader.
VERSION = 1
_FILE = "account-data.json"


@shown_at(ACCOUNT_EXPORT)
async def show_export(visited: Visit) -> web.StreamResponse:
    """What the file has, and a button."""
    service, browser = visited.service, browser_of(visited)
    page = ExportPage(
        form_action=service.path(ACCOUNT_EXPORT),
        csrf_token=form_token(visited, browser),
        account=account_of(visited.session.user),
        back=service.path(ACCOUNT),
    )
    return account_response(visited, browser, service.pages.account_export(page, reference=current_trace_id()))


@changed_at(ACCOUNT_EXPORT)
async def export(visited: Visit) -> web.StreamResponse:
    """The file."""
    text = json.dumps(await _data(visited), ensure_ascii=False, indent=2)
    record_change("account.exported", visited.session)
    return web.Response(
        text=f"{text}\n",
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{_FILE}"', "Cache-Control": "no-store"},
    )


async def _data(visited: Visit) -> dict[str, object]:
    service, now = visited.service, visited.service.clock()
    return {
        "version": VERSION,
        "issuer": service.settings.issuer,
        "exported_at": _moment(now),
        "profile": _profile(visited),
        "sign_in_methods": await _methods(visited),
        "sessions": await _sessions(visited, now),
        "applications": await _applications(visited, now),
        "consents": await _consents(visited),
    }


def _profile(visited: Visit) -> dict[str, object]:
    user = visited.session.user
    return {
        "sub": user.sub,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "updated_at": _moment(user.updated_at),
        "attributes": dict(user.claims),
        "groups": list(user.groups),
    }


async def _methods(visited: Visit) -> list[dict[str, object]]:
    found = await visited.service.credentials.list(visited.session.user.subject)
    methods: list[dict[str, object]] = []
    if Method.PASSWORD in visited.enrolled.methods:
        methods.append({"method": Method.PASSWORD.value})
    methods += [
        {
            "method": each.method.value,
            "name": each.name,
            "created_at": _moment(each.created_at),
            "used_at": _moment(each.used_at),
        }
        for each in found
        if each.method is not Method.RECOVERY_CODE
    ]
    if codes := sum(each.method is Method.RECOVERY_CODE for each in found):
        methods.append({"method": Method.RECOVERY_CODE.value, "left": codes})
    return methods


async def _sessions(visited: Visit, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "is_this": each.session_id == visited.session.session_id,
            "device": each.device,
            "address": each.address,
            "amr": list(each.amr),
            "created_at": _moment(each.created_at),
            "used_at": _moment(each.used_at),
            "expires_at": _moment(each.expires_at),
        }
        for each in await visited.service.sessions.list(now, visited.session.user.subject)
    ]


async def _applications(visited: Visit, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "client_id": each.client_id,
            "name": each.client_name,
            "grants": each.number,
            "since": _moment(each.since),
            "used_at": _moment(each.used_at),
            "expires_at": _moment(each.expires_at),
        }
        for each in await visited.service.own_accounts.grants(visited.session.user.subject, now)
    ]


async def _consents(visited: Visit) -> list[dict[str, object]]:
    return [
        {
            "client_id": each.client_id,
            "name": each.client_name,
            "scopes": sorted(each.consent.scope),
            "resources": sorted(each.consent.resources),
            "claims": sorted(each.consent.claims),
            "agreed_at": _moment(each.updated_at),
        }
        for each in await visited.service.consents.list(visited.session.user.subject)
    ]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
