"""One of every page, filled in, for tests that hold all pages to something."""

from __future__ import annotations

from dataclasses import fields, replace

from valetkey.authorize.pages.account_models import (
    AccountPage,
    ApplicationWords,
    CredentialWords,
    DeletedPage,
    DeletePage,
    EmailLinkDonePage,
    EmailLinkGonePage,
    EmailLinkPage,
    EmailPage,
    ExportPage,
    NewPasswordPage,
    ProfileField,
    ProfilePage,
    RecoverPage,
    RecoverySentPage,
    ResetDonePage,
    ResetPasswordPage,
    SessionWords,
)
from valetkey.authorize.pages.models import (
    Account,
    ConsentPage,
    EnrolPasskeyPage,
    EnrolTotpPage,
    ErrorPage,
    FormPostPage,
    HomePage,
    LoggedOutPage,
    LoginPage,
    LogoutPage,
    NotAllowedPage,
    RecoveryCodesPage,
    ScopeGroup,
    ScopeWords,
    SecondFactorPage,
    SelectAccountPage,
    SignedInPage,
)
from valetkey.authorize.pages.page import Page
from valetkey.authorize.pages.renderer import Pages

REFERENCE = "4bf92f3577b34da6a3ce929d0e0e4736"

# What a client may be registered with and what no page shows as a picture.
NO_PICTURES = (
    "javascript:alert(1)",
    "data:image/svg+xml,x",
    "http://cdn.example/logo.png",
    "//cdn.example/logo.png",
    "https:",
    "https://[::1]/logo.png",
    "https://a@cdn.example/logo.png",
    "https://cdn.example;script-src%20*/logo.png",
    "https://cdn.example,x/logo.png",
)


def every_page(text: str = "Ada") -> dict[str, Page]:
    """Each page in its fullest form, with the same text in every place that holds untrusted text."""
    account = Account(text, f"{text}@example.com")
    form = {"form_action": "/login", "csrf_token": f"csrf {text}", "interaction": f"interaction {text}"}
    login = LoginPage(
        form_action="/login", csrf_token=f"csrf {text}", interaction=f"interaction {text}", client_name=text
    )
    return {
        "home": HomePage(form_action="/logout"),
        "home, signed in": HomePage(form_action="/logout", account=account),
        "login": login,
        "login with passkeys": replace(login, passkey_question=text, keep=True),
        "login again": replace(login, username=text, error=text, account=account, code_page=text, is_limited=True),
        "second_factor": SecondFactorPage(
            **form, account=account, client_name=text, method="totp", others=[("recovery_code", "/second-factor?x=1")]
        ),
        "second_factor again": SecondFactorPage(
            **form, account=account, client_name=text, method="recovery_code", others=[("totp", "/x")], error=text
        ),
        "second_factor by passkey": SecondFactorPage(
            **form, account=account, client_name=text, method="passkey", question=text, others=[("totp", "/x")]
        ),
        "enrol_passkey": EnrolPasskeyPage(
            **form,
            account=account,
            client_name=text,
            question=text,
            handle=text,
            passkey_name=text,
            others=[("totp", "/enrol?x=1")],
            error=text,
        ),
        "enrol_totp": EnrolTotpPage(
            **form,
            account=account,
            client_name=text,
            qr_code='<svg aria-hidden="true" class="qr" viewBox="0 0 1 1"><path d="M0 0h1"/></svg>',
            secret=text,
            enrolment=text,
            others=[("passkey", "/enrol?x=1")],
            error=text,
        ),
        "account": AccountPage(
            **form,
            account=account,
            email=text,
            is_verified=False,
            email_uri="/account/email",
            profile_uri="/account/profile",
            export_uri="/account/export",
            delete_uri="/account/delete",
            password_uri="/account/password",
            totp_uri="/account/totp",
            passkey_uri="/account/passkey",
            logout_uri="/logout",
            credentials=[
                CredentialWords(text, "totp", text, "2026-01-01", "2026-01-02"),
                CredentialWords(f"{text} 2", "passkey", text, "2026-01-01", ""),
            ],
            codes_left=9,
            sessions=[
                SessionWords("s1", True, text, text, "2026-01-01 12:00 UTC", "2026-01-02 12:00 UTC"),
                SessionWords("s2", False, "", "", "2026-01-01 12:00 UTC", "2026-01-02 12:00 UTC"),
            ],
            applications=[ApplicationWords(text, text, [text], "2026-01-01")],
            news=text,
            error=text,
        ),
        "new_password": NewPasswordPage(**form, account=account, back="/account", error=text),
        "account_email": EmailPage(
            **form, account=account, email=text, is_verified=False, typed=text, back="/account", error=text
        ),
        **{
            f"email_link, {kind}": EmailLinkPage(form_action="/x", token=text, kind=kind, username=text, email=text)
            for kind in ("verify", "confirm", "revert")
        },
        **{
            f"email_link_done, {kind}": EmailLinkDonePage(
                kind=kind, email=text, account_uri="/account", recovery_uri="/recover"
            )
            for kind in ("verify", "confirm", "revert")
        },
        "email_link_gone": EmailLinkGonePage(error=text, account_uri="/account"),
        "account_profile": ProfilePage(
            **form,
            account=account,
            fields=[ProfileField("name", text, text), ProfileField("locale", text), ProfileField("nickname", text)],
            back="/account",
            error=text,
        ),
        "account_export": ExportPage(**form, account=account, back="/account"),
        "account_delete": DeletePage(**form, account=account, username=text, back="/account", error=text),
        "account_deleted": DeletedPage(),
        "recover": RecoverPage(form_action="/recover", error=text),
        "recovery_sent": RecoverySentPage(typed=text, minutes=30),
        "reset_password": ResetPasswordPage(form_action="/recover/password", token=text, error=text),
        "reset_done": ResetDonePage(account_uri="/account"),
        "recovery_codes": RecoveryCodesPage(codes=[text, f"{text} 2"], continue_uri="/consent?x=1"),
        "select_account": SelectAccountPage(**form, account=account, client_name=text),
        "not_allowed": NotAllowedPage(**form, account=account, client_name=text, logo_uri=text),
        "consent": ConsentPage(
            **form,
            account=account,
            client_id=text,
            client_name=text,
            redirect_host=text,
            is_unverified=True,
            is_on_this_device=True,
            groups=(
                ScopeGroup(None, (ScopeWords("openid", text),)),
                ScopeGroup(text, (ScopeWords(text, text), ScopeWords("orders", "Read your orders"))),
                ScopeGroup("Bare API", ()),
            ),
            claims=(text, "birthdate"),
            policy_uri=text,
            tos_uri=text,
        ),
        "logout": LogoutPage(**form, account=account, client_name=text),
        "logged_out": LoggedOutPage(client_name=text, client_uri=text),
        "signed_in": SignedInPage(account=account, browser_code=text),
        "form_post": FormPostPage(
            redirect_uri="https://client.example/callback?a=1&b=2",
            parameters=(("state", text), ("code", "c0de")),
            client_name=text,
        ),
        "error": ErrorPage(status=400, title=text, happened=text, advice=text),
    }


def show(pages: Pages, page: Page, reference: str | None = REFERENCE) -> str:
    context = {item.name: getattr(page, item.name) for item in fields(page)}
    return pages.render(page.template, **context, reference=reference)


def consent(**changes: object) -> ConsentPage:
    page = every_page()["consent"]
    assert isinstance(page, ConsentPage)
    return replace(page, **changes)  # type: ignore[arg-type]
