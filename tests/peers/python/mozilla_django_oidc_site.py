"""A site with mozilla-django-oidc, as its documentation has it for a provider with RS256."""

from django.urls import include, path
from site_of_django import CLIENT_ID, CLIENT_SECRET, ISSUER, MORE, configure, serve, user_view

configure(
    apps=["mozilla_django_oidc"],
    backend="mozilla_django_oidc.auth.OIDCAuthenticationBackend",
    OIDC_RP_CLIENT_ID=CLIENT_ID,
    OIDC_RP_CLIENT_SECRET=CLIENT_SECRET,
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_OP_AUTHORIZATION_ENDPOINT=f"{ISSUER}/authorize",
    OIDC_OP_TOKEN_ENDPOINT=f"{ISSUER}/token",
    OIDC_OP_USER_ENDPOINT=f"{ISSUER}/userinfo",
    OIDC_OP_JWKS_ENDPOINT=f"{ISSUER}/jwks",
    **({"OIDC_USE_PKCE": True} if "pkce" in MORE else {}),
)
urlpatterns = [
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("user", user_view(lambda user: {"email": user.email})),
]
serve()
