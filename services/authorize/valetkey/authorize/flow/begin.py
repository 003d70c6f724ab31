"""The beginning of an interaction: counted, kept, bound to the browser, and on to its first step."""

from dataclasses import replace

from aiohttp import web

from valetkey.authorize.browser.cookies import Browser, generate_secret
from valetkey.authorize.flow.interaction import step_location
from valetkey.authorize.pages.response import see_other
from valetkey.authorize.pages.shown_error import NoRoom
from valetkey.authorize.service import AuthorizeService
from valetkey.core.client.client import Client
from valetkey.core.oauth.authorization_request import AuthorizationRequest
from valetkey.core.oauth.parameter_limits import kept_bytes
from valetkey.core.oidc.interaction import Interaction, Step
from valetkey.runtime.telemetry.metrics import AUTHORIZATION_REQUESTS
from valetkey.storage.redis.limits.memory_reserve import Kind, StoreIsFull

# What an interaction takes beside the texts of its request, with its key and the counts of its address and browser.
_INTERACTION_BYTES = 900


async def begin(
    service: AuthorizeService, request: web.Request, interaction: Interaction, step: Step, client: Client
) -> web.StreamResponse:
    """Keep it for this browser, and lead to the step. Raises ``NoRoom``, and ``TooManyInteractions``."""
    _require_room(service, interaction.request)
    browser = service.cookies.browser(request) or Browser.generate()
    device = service.devices.parse(service.cookies.device(request))
    device_id = device.device_id if device is not None and service.devices.is_ours(device) else None
    await service.interaction_limit.require(request, service.settings, interaction.request, browser, device_id)
    interaction_id = generate_secret()
    await service.interactions.put(interaction_id, replace(interaction, browser=browser.digest))
    AUTHORIZATION_REQUESTS.add("interaction", "")
    response = see_other(step_location(service, step, interaction_id, client))
    service.cookies.write_browser(request, response, browser)
    return response


def _require_room(service: AuthorizeService, asked: AuthorizationRequest) -> None:
    """Raise ``NoRoom``: a page, because a client that gets an error tends to begin again at once."""
    try:
        service.reserve.require_room(Kind.INTERACTION, kept_bytes(asked) + _INTERACTION_BYTES)
    except StoreIsFull as error:
        AUTHORIZATION_REQUESTS.add("page", error.error)
        raise NoRoom(error.reason, error.retry_after) from error
