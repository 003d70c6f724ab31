"""Hashes that other systems have made: which are taken, in which spelling, and what they may cost."""

import hashlib
from base64 import b64encode

import bcrypt
import pytest
from argon2 import PasswordHasher

from valetkey.runtime.password_hash import decoy, parameters_of, stored_form, verify_password

# The first is of Openwall's crypt_blowfish, the second RFC 6070, the last is one of the tests of passlib.
VECTORS = {
    "bcrypt": ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    "bcrypt of PHP": ("U*U*", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    "PBKDF2 with SHA-1": ("password", "$pbkdf2-sha1$i=4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"),
    "passlib": (
        "password",
        "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ",
    ),
}
SALT = b"0123456789abcdef"


def keycloak(digest: str, iterations: int, length: int) -> str:
    made = hashlib.pbkdf2_hmac(digest, "pässword".encode(), SALT, iterations, length)
    salt, tag = (b64encode(each).decode() for each in (SALT, made))
    return f"$pbkdf2-{digest}$i={iterations},l={length}${salt}${tag}"


def django(digest: str, iterations: int) -> str:
    made = hashlib.pbkdf2_hmac(digest, "pässword".encode(), b"saltySalt", iterations)
    return f"pbkdf2_{digest}${iterations}$saltySalt${b64encode(made).decode()}"


MADE = {
    "argon2id": PasswordHasher(2, 64, 1).hash("pässword"),
    "argon2id of lanes": PasswordHasher(3, 7168, 4).hash("pässword"),
    "argon2 of Django": "argon2" + PasswordHasher(2, 64, 8).hash("pässword"),
    "bcrypt 2b": bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(4)).decode(),
    "PBKDF2 with SHA-256": keycloak("sha256", 27500, 64),
    "PBKDF2 with SHA-512": keycloak("sha512", 30000, 64),
    "PBKDF2 of Django": django("sha256", 1000),
    "PBKDF2 of Django with SHA-1": django("sha1", 1000),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_published_vector_is_verified(name: str) -> None:
    password, text = VECTORS[name]

    stored = stored_form(text)

    assert verify_password(stored, password)
    assert not verify_password(stored, password + "x")
    assert not verify_password(stored, "")


@pytest.mark.parametrize("name", MADE)
def test_what_another_system_has_made_is_verified_in_its_stored_form(name: str) -> None:
    stored = stored_form(MADE[name])

    assert stored_form(stored) == stored
    assert verify_password(stored, "pässword")
    assert not verify_password(stored, "passwörd")


@pytest.mark.requirement("security 39: known and unknown users take the same, whatever hashes are stored")
@pytest.mark.parametrize("name", MADE)
def test_a_decoy_is_the_same_work_and_fits_no_password(name: str) -> None:
    stored = stored_form(MADE[name])
    parameters = parameters_of(stored)
    assert parameters is not None

    made = decoy(parameters)

    assert parameters_of(made) == parameters
    assert made != decoy(parameters)
    assert not verify_password(made, "pässword")


def test_bcrypt_knows_the_first_72_bytes_of_a_password() -> None:
    long = "é" * 36 + "and more"
    stored = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()

    assert verify_password(stored, long)
    assert verify_password(stored, "é" * 36)
    assert not verify_password(stored, "é" * 35)


@pytest.mark.requirement("security 41: passwords are hashed in a bounded pool; no hash may keep a thread for long")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$2b$31$" + "a" * 53, "its cost is 31, and 14 is the most"),
        ("$2b$15$" + "a" * 53, "its cost is 15"),
        (keycloak("sha256", 1, 64).replace("i=1,", "i=1000000000,"), "it takes 1000000000 iterations, and 1000000"),
        (keycloak("sha512", 1, 65), "it has 65 bytes, and 64 is the most"),
        ("$argon2id$v=19$m=8388608,t=1,p=1$c2FsdHNhbHQ$dGFndGFndGFn", "it takes 8388608 KiB of memory"),
        ("$argon2id$v=19$m=65536,t=17,p=1$c2FsdHNhbHQ$dGFndGFndGFn", "17 passes over 65536 KiB take too long"),
        ("$argon2id$v=19$m=8,t=99999999,p=1$c2FsdHNhbHQ$dGFndGFndGFn", "99999999 passes over 8 KiB take too long"),
    ],
)
def test_a_hash_that_would_cost_too_much_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="checking this hash would cost too much") as raised:
        stored_form(text)

    assert words in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "!", "password", "{SSHA}abc", "$1$salt$hash", "$6$salt$hash", "$2x$05$" + "a" * 53, "$2b$05$" + "a" * 52),
        *("$2b$03$" + "a" * 53, "$2b$05$" + "ä" * 53, "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$dGFn"),
        *("$pbkdf2-md5$i=1$c2FsdA$dGFn", "$pbkdf2-sha256$i=0$c2FsdA$dGFn", "$pbkdf2-sha256$i=1$c2FsdA$"),
        *("bcrypt_sha256$$2b$12$" + "a" * 53, "pbkdf2_sha256$1000$$dGFn", "$pbkdf2-sha256$i=1$c2FsdA$dGFn\n"),
    ],
)
def test_what_is_no_hash_that_is_known_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no hash of"):
        stored_form(text)
