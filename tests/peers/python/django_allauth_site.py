"""A site with django-allauth and its provider for OpenID Connect, as its documentation has it."""

from django.urls import include, path
from site_of_django import CLIENT_ID, CLIENT_SECRET, ISSUER, MORE, configure, serve, user_view

APP = {
    "provider_id": "valetkey",
    "name": "Valetkey",
    "client_id": CLIENT_ID,
    "secret": CLIENT_SECRET,
    "settings": {"server_url": ISSUER, **({"oauth_pkce_enabled": True} if "pkce" in MORE else {})},
}
configure(
    apps=["allauth", "allauth.account", "allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"],
    backend="allauth.account.auth_backends.AuthenticationBackend",
    middleware=["allauth.account.middleware.AccountMiddleware"],
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [APP]}},
)
urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path(
        "user",
        user_view(lambda user: {"sub": user.socialaccount_set.get().uid, "email": user.email}),
    ),
]
serve()
