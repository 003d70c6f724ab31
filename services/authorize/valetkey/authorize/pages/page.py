"""Every page there is."""

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
)

Page = (
    HomePage
    | LoginPage
    | SecondFactorPage
    | EnrolTotpPage
    | EnrolPasskeyPage
    | RecoveryCodesPage
    | SelectAccountPage
    | NotAllowedPage
    | ConsentPage
    | LogoutPage
    | LoggedOutPage
    | SignedInPage
    | FormPostPage
    | ErrorPage
    | AccountPage
    | NewPasswordPage
    | RecoverPage
    | RecoverySentPage
    | ResetPasswordPage
    | ResetDonePage
    | DeletedPage
    | DeletePage
    | EmailLinkDonePage
    | EmailLinkGonePage
    | EmailLinkPage
    | EmailPage
    | ExportPage
    | ProfilePage
)
