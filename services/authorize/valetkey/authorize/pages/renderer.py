"""The renderer: templates in, HTML out. It decides nothing; handlers say what a page shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
)

from valetkey.authorize.consent.claim_words import claim_words
from valetkey.authorize.pages import language as page_language
from valetkey.authorize.pages.account_models import (
    AccountPage,
    DeletedPage,
    DeletePage,
    EmailLinkDonePage,
    EmailLinkGonePage,
    EmailLinkPage,
    EmailPage,
    ExportPage,
    NewPasswordPage,
    ProfilePage,
    RecoverPage,
    RecoverySentPage,
    ResetDonePage,
    ResetPasswordPage,
)
from valetkey.authorize.pages.display import initial, picture, web_link
from valetkey.authorize.pages.models import (
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
    SecondFactorPage,
    SelectAccountPage,
    SignedInPage,
    fields_of,
)
from valetkey.authorize.pages.page import Page
from valetkey.authorize.pages.static_assets import StaticAssets
from valetkey.authorize.pages.texts import PageTexts
from valetkey.authorize.pages.theme import Theme, ThemeError
from valetkey.core.language import SOURCE
from valetkey.core.plain_text import MAX_LENGTH, plain
from valetkey.core.routes import HOME
from valetkey.runtime.translation import Languages, Translator

# form-action is left out on purpose: browsers apply it to the redirect that follows a form, which goes to the client.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FORM_POST_CONTENT_SECURITY_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'"
# For the files under /static/: an SVG opened by itself is a document, and must not run anything.
STATIC_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

_SCRIPT_SCHEMES = frozenset({"javascript", "data", "vbscript"})


class Pages:
    """Renders every page of the service.

    ``directory`` is a platform team's own: its templates win over ours, and files in its ``static/`` over our static
    files; ``valetkey/<name>`` always names our own template, to be extended. Raises ``ThemeError`` at once if the
    directory is missing or a template in it does not compile.
    """

    def __init__(
        self,
        theme: Theme,
        *,
        base_path: str = "",
        directory: Path | None = None,
        demo: bool = False,
        languages: Languages | None = None,
    ) -> None:
        """Read and compile everything once, for all languages: those of the theme alone unless told."""
        if directory is not None and not directory.is_dir():
            raise ThemeError(f"the templates directory {directory} does not exist or is not a directory")
        self.assets = StaticAssets(
            theme, base_path=base_path, directory=None if directory is None else directory / "static"
        )
        self.languages = languages or page_language.languages((SOURCE,), SOURCE)
        self._translator = Translator(self.languages.default)
        self._themes = {tag: replace(theme, lang=tag) for tag in self.languages.tags}
        self._environment = Environment(
            loader=_loader(directory),
            extensions=["jinja2.ext.i18n"],
            finalize=self._translator.translated,
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        PageTexts(self._translator).install(self._environment)
        self._environment.filters |= {
            "plain": self._plain,
            "initial": initial,
            "web_link": web_link,
            "picture": picture,
            "claim_words": claim_words,
        }
        self._environment.globals |= {
            "theme": theme,
            "demo": demo,
            "logo": self.assets.logo,
            "home": HOME.paths(base_path)[0],
            "static": self.assets.url,
            "reference": None,
        }
        self._compile()

    def render(self, name: str, **context: object) -> str:
        """Render any template by name, in the language of the request; the typed methods below are for handlers."""
        language = page_language.choose_language(self.languages)
        with self._translator.speaking(language):
            template, theme = self._environment.get_template(name), self._themes[language.tag]
            return template.render(context, theme=theme, lang=language.tag, dir=language.direction)

    def home(self, page: HomePage, *, reference: str | None = None) -> str:
        """The issuer's own address."""
        return self._page(page, reference)

    def login(self, page: LoginPage, *, reference: str | None = None) -> str:
        """The login form."""
        return self._page(page, reference)

    def second_factor(self, page: SecondFactorPage, *, reference: str | None = None) -> str:
        """The question for a second factor."""
        return self._page(page, reference)

    def enrol_totp(self, page: EnrolTotpPage, *, reference: str | None = None) -> str:
        """Setting up an authenticator app."""
        return self._page(page, reference)

    def enrol_passkey(self, page: EnrolPasskeyPage, *, reference: str | None = None) -> str:
        """Setting up a passkey."""
        return self._page(page, reference)

    def recovery_codes(self, page: RecoveryCodesPage, *, reference: str | None = None) -> str:
        """New recovery codes, shown once."""
        return self._page(page, reference)

    def account(self, page: AccountPage, *, reference: str | None = None) -> str:
        """What a user sees of the own account."""
        return self._page(page, reference)

    def new_password(self, page: NewPasswordPage, *, reference: str | None = None) -> str:
        """The form for a new password."""
        return self._page(page, reference)

    def account_email(self, page: EmailPage, *, reference: str | None = None) -> str:
        """The e-mail address, and the form for another."""
        return self._page(page, reference)

    def email_link(self, page: EmailLinkPage, *, reference: str | None = None) -> str:
        """The page behind a link about an address."""
        return self._page(page, reference)

    def email_link_done(self, page: EmailLinkDonePage, *, reference: str | None = None) -> str:
        """What the link has done."""
        return self._page(page, reference)

    def email_link_gone(self, page: EmailLinkGonePage, *, reference: str | None = None) -> str:
        """A link that does nothing."""
        return self._page(page, reference)

    def account_profile(self, page: ProfilePage, *, reference: str | None = None) -> str:
        """What the user may edit."""
        return self._page(page, reference)

    def account_export(self, page: ExportPage, *, reference: str | None = None) -> str:
        """The button for a copy of one's own data."""
        return self._page(page, reference)

    def account_delete(self, page: DeletePage, *, reference: str | None = None) -> str:
        """The question whether to delete the account."""
        return self._page(page, reference)

    def account_deleted(self, page: DeletedPage, *, reference: str | None = None) -> str:
        """The end of it."""
        return self._page(page, reference)

    def recover(self, page: RecoverPage, *, reference: str | None = None) -> str:
        """The question whose password is forgotten."""
        return self._page(page, reference)

    def recovery_sent(self, page: RecoverySentPage, *, reference: str | None = None) -> str:
        """A mail is on its way, or not."""
        return self._page(page, reference)

    def reset_password(self, page: ResetPasswordPage, *, reference: str | None = None) -> str:
        """The form behind a link by mail."""
        return self._page(page, reference)

    def reset_done(self, page: ResetDonePage, *, reference: str | None = None) -> str:
        """The end of it."""
        return self._page(page, reference)

    def select_account(self, page: SelectAccountPage, *, reference: str | None = None) -> str:
        """The choice between the signed-in account and another one. OIDC Core §3.1.2.1, prompt=select_account."""
        return self._page(page, reference)

    def not_allowed(self, page: NotAllowedPage, *, reference: str | None = None) -> str:
        """The end of the way for an account that may not use the application."""
        return self._page(page, reference)

    def consent(self, page: ConsentPage, *, reference: str | None = None) -> str:
        """What an application asks for. OIDC Core §3.1.2.4."""
        return self._page(page, reference)

    def logout(self, page: LogoutPage, *, reference: str | None = None) -> str:
        """The question whether to sign out. OIDC RP-Initiated Logout §2."""
        return self._page(page, reference)

    def logged_out(self, page: LoggedOutPage, *, reference: str | None = None) -> str:
        """The end of a session that has nowhere to go back to."""
        return self._page(page, reference)

    def signed_in(self, page: SignedInPage, *, reference: str | None = None) -> str:
        """A sign-in that is complete, or was never left."""
        return self._page(page, reference)

    def error(self, page: ErrorPage, *, reference: str | None = None) -> str:
        """What went wrong before a redirect URI could be trusted, and everything that is not about a request."""
        return self._page(page, reference)

    def form_post(self, page: FormPostPage, *, reference: str | None = None) -> str:
        """The authorization response as a form. Needs ``FORM_POST_CONTENT_SECURITY_POLICY``.

        OAuth 2.0 Form Post Response Mode §2. Raises ``ValueError`` for a redirect URI that would run as a script.
        """
        if page.redirect_uri.partition(":")[0].strip().lower() in _SCRIPT_SCHEMES:
            raise ValueError("a form cannot be posted to this redirect URI")
        return self._page(page, reference)

    def _page(self, page: Page, reference: str | None) -> str:
        return self.render(page.template, **fields_of(page), reference=reference)

    def _plain(self, text: str, limit: int = MAX_LENGTH) -> str:
        return plain(str(self._translator.translated(text)), limit)

    def _compile(self) -> None:
        for name in self._environment.list_templates(extensions=["html"]):
            if name.startswith("."):
                continue
            try:
                self._environment.get_template(name)
            except TemplateError as error:
                raise ThemeError(f"the template {name} cannot be used: {error}") from error


def _loader(directory: Path | None) -> BaseLoader:
    own = PackageLoader("valetkey.authorize.pages")
    loaders: list[BaseLoader] = [own, PrefixLoader({"valetkey": own})]
    if directory is not None:
        loaders.insert(0, FileSystemLoader(directory))
    return ChoiceLoader(loaders)
