import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.redaction.names import is_secret_name
from iacs.redaction.text import LONGEST_TEXT, redact_text

SECRET = "s3same-0pen"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_c2lnbmF0dXJl"
FERNET = "gAAAAABl" + "k" * 90 + "=="


@pytest.mark.parametrize(
    "name",
    [
        *(
            "token",
            "access_token",
            "accessToken",
            "ACCESSTOKEN",
            "access-token",
            "id_token",
            "tokens",
            "csrf.token",
        ),
        *(
            "secret",
            "client_secret",
            "AZURE_CLIENT_SECRET",
            "password",
            "Passwords",
            "PASSWORD2",
            "passwd",
            "db_pwd",
        ),
        *(
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "Set-Cookie",
            "code",
            "device_code",
            "code_verifier",
        ),
        *(
            "state",
            "nonce",
            "assertion",
            "client_assertion",
            "api_key",
            "X-Api-Key",
            "token_encryption_key",
        ),
        *("credentials", "connection_string", "passphrase", "jwt", "authCode"),
        *(
            "smtp.auth",
            "APIKey",
            "x-api-key",
            "apiKey",
            "db.password",
            "CLIENT_SECRET_2",
            "pool['password']",
            "dsn",
        ),
        *(
            "otp",
            "pin",
            "passcode",
            "signature",
            "sig",
            "sas",
            "sas_token",
            "pem",
            "private",
            "salt",
            "user_code",
        ),
        *("recovery_codes", "verification_code", "one_time_code", "auth_code", "session_id", "webhook_url"),
        *("token_value", "password_hash", "client_secret_prod", "SECRET_KEY_BASE", "SMTP_PASS", "xsrf"),
        *("SharedAccessKey", "AccountKey", "X-Amz-Signature", "Ocp-Apim-Subscription-Key", "github_pat"),
    ],
)
def test_name_of_a_secret_is_known_in_any_spelling(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "account",
            "token_type",
            "token_expires_at",
            "expires_in",
            "deltaToken",
            "$skiptoken",
            "next_page_token",
        ),
        *(
            "error_code",
            "status_code",
            "zip_code",
            "monkey",
            "state_id",
            "secretary",
            "keyboard",
            "",
            "status",
            "code_challenge",
        ),
        *(
            "codes",
            "error_codes",
            "exit_code",
            "key",
            "event_key",
            "partition_key",
            "public_key",
            "key_id",
            "keys",
        ),
        *(
            "max_tokens",
            "prompt_tokens",
            "token_count",
            "tokenizer",
            "sync_state",
            "author",
            "mapping",
            "url",
        ),
        *("password_policy", "secret_name", "token_endpoint", "signature_algorithm", "opinion", "client_id"),
        *("certificate", "grant_type", "session", "pinned", "bypass", "client_certificate"),
    ],
)
def test_other_names_are_left_alone(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"code={SECRET}&state={SECRET}&x=1", "code=[redacted]&state=[redacted]&x=1"),
        (f"GET /callback?x=1&code={SECRET} HTTP/1.1", "GET /callback?x=1&code=[redacted] HTTP/1.1"),
        (f"grant=a&client_secret={SECRET}", "grant=a&client_secret=[redacted]"),
        (f"next=https://a/%3Fcode%3D{SECRET}", "next=https://a/%3Fcode%3D[redacted]"),
        (f"url=https://a/?code={SECRET}", "url=https://a/?code=[redacted]"),
        (f"Authorization: Basic {SECRET} sent", "Authorization: [redacted] sent"),
        (f"authorization: bearer {SECRET}", "authorization: [redacted]"),
        (f"Cookie: a={SECRET}; b={SECRET}\nHost: x", "Cookie: [redacted]\nHost: x"),
        (f"got Bearer {SECRET}.", "got Bearer [redacted]"),
        (f"Bearer%20{SECRET}", "Bearer%20[redacted]"),
        (f"{{'access_token': '{SECRET}', 'n': 5}}", "{'access_token': '[redacted]', 'n': 5}"),
        (f'{{"token":"a\\"{SECRET}","n":1}}', '{"token":"[redacted]","n":1}'),
        (f'{{\\"token\\": \\"{SECRET}\\", \\"n\\": 1}}', '{\\"token\\": \\"[redacted]\\", \\"n\\": 1}'),
        (f'{{"token": "{SECRET}', '{"token": "[redacted]'),
        (f"token=b'{SECRET}', n=1", "token=b'[redacted]', n=1"),
        (f"password = 'open {SECRET}' and", "password = '[redacted]' and"),
        (f"Box(token=Token('{SECRET}'))\nnext", "Box(token=[redacted]\nnext"),
        (f"tokens=['a', '{SECRET}']", "tokens=[redacted]"),
        (f"refresh_token: {SECRET}, refused", "refresh_token: [redacted] refused"),
        (f"error: token={SECRET}", "error: token=[redacted]"),
        (f"'code': '{SECRET}'", "'code': '[redacted]'"),
        (f"postgresql://me:{SECRET}@db:5432/mail", "postgresql://me:[redacted]@db:5432/mail"),
        ("redis://:p/w@rd!@cache", "redis://:[redacted]@cache"),
        ("http://me:12345678@a", "http://me:[redacted]@a"),
        (f"before {JWT} after", "before [redacted] after"),
        (f"before{JWT}", "before[redacted]"),
        (f"({FERNET})", "([redacted]==)"),
        ("sent Basic dXNlcjpzM3NhbWU= to", "sent Basic [redacted] to"),
        (f"https://x/?sig={SECRET}&a=1", "https://x/?sig=[redacted]&a=1"),
        (f"https://x/?key={SECRET}&a=1", "https://x/?key=[redacted]&a=1"),
        (f"Server=x;Password={SECRET};Db=y", "Server=x;Password=[redacted];Db=y"),
        (f"passcode={SECRET}", "passcode=[redacted]"),
        (f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n", "-----BEGIN PRIVATE KEY-----[redacted]"),
        (
            f"-----BEGIN RSA PRIVATE KEY-----{SECRET}-----END RSA PRIVATE KEY-----.",
            "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----.",
        ),
        (f"with {'k9' * 21}k= as", "with [redacted] as"),
        (f"secret abc8Q~{'d' * 34} of", "secret [redacted] of"),
        (f"token 0.AXoA{'d' * 40}.AgAB of", "token [redacted] of"),
    ],
)
def test_secret_in_a_text_is_hidden_and_the_rest_is_kept(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "token refreshed",
            "status code: 404",
            "state: ready",
            "TOKEN_ENCRYPTION_KEY: must be set",
            "token=",
            "token:",
        ),
        *(
            "https://graph.example/v1.0/me/messages?$deltatoken=abc",
            "http://localhost:8400/users/alice@a.example/x",
        ),
        *(
            "http://[::1]:80/x@y",
            "sqlite:///iacs.db",
            "mail from alice@a.example: hello",
            "12:30:45",
            "a=1&b=2",
        ),
        *(
            'Bearer realm="x", authorization_uri="https://a"',
            "the bearer of news",
            "eyJhbGciOi without a dot",
        ),
        *("basic authentication failed", "Basic Authentication is off", "published key=alice@a.example"),
        *(
            "codes=[50173]",
            "tokens=512",
            "tokens: 512 of 4096",
            "max_tokens=4096",
            "partition_key=a",
            "pass: 3",
        ),
        *("gAAAA is short", "a.b.c.d.e.f.g.h.i.j.k.l.m", "keyJ0123456789012345"),
    ],
)
def test_text_without_a_secret_is_kept(text: str) -> None:
    assert redact_text(text) == text


def test_by_shape_alone_names_are_not_looked_at() -> None:
    assert redact_text(f"call(code=code, token={JWT})", names=False) == "call(code=code, token=[redacted])"


@given(
    st.text(max_size=200), st.sampled_from([JWT, FERNET, f"postgresql://me:{SECRET}@"]), st.text(max_size=200)
)
def test_a_secret_inside_any_text_is_redacted(before: str, secret: str, after: str) -> None:
    assert secret not in redact_text(before + secret + after)


@given(st.text("abc=:&'\"\\ \n[(%3Dtoken://@", max_size=80))
def test_what_is_redacted_stays_so(text: str) -> None:
    shown = redact_text(f"token={SECRET} {text}")
    assert SECRET not in shown
    assert redact_text(shown).count(SECRET) == 0


HARD = [
    *(
        "eyJ",
        "gAAAA",
        "://a:",
        "a",
        "a-",
        'token="\\',
        "token:",
        "\\",
        "bearer ",
        "token=[",
        "token=",
        "=:",
        "%3D",
    ),
    *("basic ", "basic a", "-----BEGIN PRIVATE KEY-----", "0.A", "9Q~", "token=a;", "token=a;a", "k", "k="),
    *("token='", "cookie:", " ", "://a:a@", "'", "token=bearer ", "é", "eyJ.", ".", "authorization: "),
]


@pytest.mark.parametrize("piece", HARD)
def test_cost_grows_no_faster_than_the_text(piece: str) -> None:
    text = (piece * LONGEST_TEXT)[: 4 * LONGEST_TEXT] + "."
    start = time.process_time()
    redact_text(text)
    assert time.process_time() - start < 2  # a search that goes back over the text takes minutes
