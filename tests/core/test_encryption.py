import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from iacs.core.encryption import Encryption
from iacs.core.exceptions import ConfigurationError, DatabaseError

KEY = Encryption.new_key()


def encryption(*keys: str) -> Encryption:
    return Encryption(SecretStr(",".join(keys)))


@given(text=st.text(), context=st.text())
def test_any_text_comes_back_for_its_context(text: str, context: str) -> None:
    cipher = encryption(KEY)
    assert cipher.decrypt(cipher.encrypt(text, context=context), context=context) == text


def test_nothing_of_the_text_shows() -> None:
    assert "secret" not in encryption(KEY).encrypt("secret", context="account")


def test_a_ciphertext_of_another_record_is_refused() -> None:
    cipher = encryption(KEY)
    with pytest.raises(DatabaseError, match="belongs to another record"):
        cipher.decrypt(cipher.encrypt("secret", context="alice"), context="bob")


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    old, new = Encryption.new_key(), Encryption.new_key()
    written_before = encryption(old).encrypt("text", context="c")
    both = encryption(new, " " + old + " ")
    assert both.decrypt(written_before, context="c") == "text"
    assert encryption(new).decrypt(both.encrypt("text", context="c"), context="c") == "text"


def test_a_key_of_other_data_is_a_problem_of_the_setting() -> None:
    written = encryption(Encryption.new_key()).encrypt("text", context="c")
    with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEY cannot decrypt"):
        encryption(KEY).decrypt(written, context="c")


def test_an_altered_ciphertext_is_refused() -> None:
    written = encryption(KEY).encrypt("text", context="c")
    altered = written[:-10] + ("A" if written[-10] != "A" else "B") + written[-9:]
    with pytest.raises(ConfigurationError, match="cannot decrypt"):
        encryption(KEY).decrypt(altered, context="c")


@pytest.mark.parametrize("keys", [None, SecretStr(""), SecretStr(" , ")])
def test_a_missing_key_says_how_to_make_one(keys: SecretStr | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Encryption(keys).encrypt("text", context="c")
    assert caught.value.problems == ("TOKEN_ENCRYPTION_KEY is not set",)
    assert caught.value.hint == "generate a key with: iacs config new-key"


def test_a_malformed_key_is_counted_but_never_quoted() -> None:
    with pytest.raises(ConfigurationError, match="key 2 of 2 is not a Fernet key") as caught:
        encryption(KEY, "hunter2").encrypt("text", context="c")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_is_looked_at_when_first_used() -> None:
    Encryption(None)


def test_a_new_key_is_one_for_fernet() -> None:
    Fernet(Encryption.new_key())
    assert Encryption.new_key() != Encryption.new_key()
