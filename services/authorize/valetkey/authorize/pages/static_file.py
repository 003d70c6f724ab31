"""The files that pages refer to, from memory."""

from aiohttp import web

from valetkey.authorize.pages.renderer import STATIC_CONTENT_SECURITY_POLICY
from valetkey.authorize.pages.static_assets import Asset
from valetkey.authorize.service import AUTHORIZE
from valetkey.core.routes import STATIC

# An address of another version must not pin what we have: during an upgrade a page of the new version may ask an old
# replica for its files.
ASK_AGAIN = "no-cache"


async def static_file(request: web.Request) -> web.StreamResponse:
    """One file by its name; cached for good under the address that names its content."""
    asset = request.app[AUTHORIZE].pages.assets.find(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    headers = {
        "Cache-Control": STATIC.cache.value if request.query_string == f"v={asset.version}" else ASK_AGAIN,
        "Content-Security-Policy": STATIC_CONTENT_SECURITY_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": asset.etag,
    }
    if _is_known(request, asset):
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.body, headers={**headers, "Content-Type": asset.content_type})


def _is_known(request: web.Request, asset: Asset) -> bool:
    presented = request.headers.get("If-None-Match", "")
    return asset.etag in {tag.strip().removeprefix("W/") for tag in presented.split(",")}
