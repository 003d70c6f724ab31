"""A site with social-auth-core and its backend for OpenID Connect, as its documentation has it."""

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from site_of_django import CLIENT_ID, CLIENT_SECRET, ISSUER, MORE, configure, serve, user_view

configure(
    apps=["social_django"],
    backend="social_core.backends.open_id_connect.OpenIdConnectAuth",
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=ISSUER,
    SOCIAL_AUTH_OIDC_KEY=CLIENT_ID,
    SOCIAL_AUTH_OIDC_SECRET=CLIENT_SECRET,
    **({"SOCIAL_AUTH_OIDC_USE_PKCE": True} if "pkce" in MORE else {}),
)


def login(request: HttpRequest) -> HttpResponse:
    """A page with a button."""
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post" action="/login/oidc/">{token}<button>Sign in</button></form>')


urlpatterns = [
    path("login", login),
    path("", include("social_django.urls", namespace="social")),
    path("user", user_view(lambda user: {"sub": user.social_auth.get().uid, "email": user.email})),
]
serve()
