"""What the sites of Django have in common. Each is a program: issuer, client_id, client_secret, port, and more."""

import sys
from collections.abc import Callable, Sequence
from typing import Any
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse

ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, *MORE = sys.argv[1:]


def configure(*, apps: Sequence[str], backend: str, middleware: Sequence[str] = (), **more: object) -> None:
    """Make the site: what ``django-admin startproject`` writes, and what a library adds to it."""
    settings.configure(
        SECRET_KEY="of one test, and long enough for everything that is signed with it",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="__main__",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *middleware,
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}},
        AUTHENTICATION_BACKENDS=[backend],
        LOGIN_REDIRECT_URL="/user",
        LOGGING={
            "version": 1,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["console"], "level": "INFO"},
        },
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def user_view(describe: Callable[[Any], dict[str, Any]]) -> Callable[[HttpRequest], JsonResponse]:
    """A page that says who has signed in."""

    def user(request: HttpRequest) -> JsonResponse:
        if not request.user.is_authenticated:
            return JsonResponse({"signed in": False}, status=401)
        return JsonResponse(describe(request.user))

    return user


def serve() -> None:
    """Serve the site."""
    make_server("127.0.0.1", int(PORT), get_wsgi_application()).serve_forever()
