import asyncio
import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from iacs.core.encryption import Encryption
from iacs.core.exceptions import ConfigurationError, DatabaseError, KeyRefusedError, KeyServiceError
from iacs.core.key_provider import KeyFile, KeyRing, WrappedKey, create_key_provider

KEY = Encryption.new_key()


def encryption(*keys: str) -> Encryption:
    return Encryption(SecretStr(",".join(keys)))


@given(text=st.text(), context=st.text())
async def test_any_text_comes_back_for_its_context(text: str, context: str) -> None:
    written = await encryption(KEY).encrypt(text, context=context)
    assert await encryption(KEY).decrypt(written, context=context) == text


@given(text=st.text(), context=st.text())
async def test_a_data_key_encrypts_any_text_at_once(text: str, context: str) -> None:
    data_key = await encryption(KEY).new_data_key(context)
    opened = await encryption(KEY).open_data_key(data_key.wrapped, context=context)
    assert opened.decrypt(data_key.encrypt(text)) == text


async def test_nothing_of_the_text_or_the_keys_shows() -> None:
    data_key = await encryption(KEY).new_data_key("account")
    assert "secret" not in data_key.encrypt("secret")
    assert "key=" not in repr(data_key).replace("wrapped=WrappedKey(key_", "")
    assert repr(data_key.key) not in repr(data_key)
    assert KEY not in f"{data_key} {data_key.wrapped.key_id}"


async def test_every_record_has_a_key_and_every_text_a_nonce_of_its_own() -> None:
    cipher = encryption(KEY)
    first, second = await cipher.new_data_key("a"), await cipher.new_data_key("a")
    assert first.key != second.key
    assert first.encrypt("text") != first.encrypt("text")


@given(text=st.text(), written_for=st.text(), read_for=st.text())
async def test_a_ciphertext_of_another_record_is_refused(text: str, written_for: str, read_for: str) -> None:
    written = await encryption(KEY).encrypt(text, context=written_for)
    if written_for == read_for:
        return
    with pytest.raises(DatabaseError, match="belongs to another record"):
        await encryption(KEY).decrypt(written, context=read_for)


async def test_a_ciphertext_moved_beside_the_key_of_another_record_is_refused() -> None:
    cipher = encryption(KEY)
    alice, bob = await cipher.new_data_key("alice"), await cipher.new_data_key("bob")
    with pytest.raises(DatabaseError, match="belongs to another record"):
        bob.decrypt(alice.encrypt("secret"))


@given(text=st.text(), position=st.integers(min_value=0), bit=st.integers(0, 7))
async def test_an_altered_ciphertext_is_refused(text: str, position: int, bit: int) -> None:
    data_key = await encryption(KEY).new_data_key("c")
    sealed = bytearray(base64.urlsafe_b64decode(data_key.encrypt(text)))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(DatabaseError, match=r"altered|corrupt"):
        data_key.decrypt(base64.urlsafe_b64encode(sealed).decode())


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
async def test_an_altered_data_key_is_refused(position: int, bit: int) -> None:
    wrapped = (await encryption(KEY).new_data_key("c")).wrapped
    altered = bytearray(wrapped.ciphertext)
    altered[position % len(altered)] ^= 1 << bit
    with pytest.raises(DatabaseError, match="altered"):
        await encryption(KEY).open_data_key(WrappedKey(wrapped.key_id, bytes(altered)), context="c")


@given(text=st.text() | st.lists(st.text()).map(json.dumps))
async def test_what_is_no_ciphertext_is_called_corrupt(text: str) -> None:
    data_key = await encryption(KEY).new_data_key("c")
    with pytest.raises(DatabaseError, match="corrupt"):
        data_key.decrypt(text)
    with pytest.raises((DatabaseError, ConfigurationError), match=r"corrupt|cannot decrypt"):
        await encryption(KEY).decrypt(text, context="c")


async def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    old, new = Encryption.new_key(), Encryption.new_key()
    written_before = await encryption(old).encrypt("text", context="c")
    both = encryption(new, " " + old + " ")
    assert await both.decrypt(written_before, context="c") == "text"
    assert await encryption(new).decrypt(await both.encrypt("text", context="c"), context="c") == "text"


async def test_a_data_key_is_wrapped_anew_with_the_first_key() -> None:
    old, new = Encryption.new_key(), Encryption.new_key()
    data_key = await encryption(old).new_data_key("c")
    wrapped = await encryption(new, old).rewrap(data_key.wrapped, context="c")
    opened = await encryption(new).open_data_key(wrapped, context="c")
    assert opened.decrypt(data_key.encrypt("text")) == "text"
    assert wrapped.key_id != data_key.wrapped.key_id


async def test_a_key_of_other_data_is_a_problem_of_the_setting() -> None:
    written = await encryption(Encryption.new_key()).encrypt("text", context="c")
    with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEY cannot decrypt") as caught:
        await encryption(KEY).decrypt(written, context="c")
    assert "append the key" in caught.value.hint


@pytest.mark.parametrize("keys", [None, SecretStr(""), SecretStr(" , ")])
async def test_a_missing_key_says_how_to_make_one(keys: SecretStr | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await Encryption(keys).encrypt("text", context="c")
    assert caught.value.problems == ("TOKEN_ENCRYPTION_KEY is not set",)
    assert caught.value.hint == "generate a key with: iacs config new-key"


async def test_a_malformed_key_is_counted_but_never_quoted() -> None:
    with pytest.raises(ConfigurationError, match="key 2 of 2 is not 32 bytes") as caught:
        await encryption(KEY, "hunter2").encrypt("text", context="c")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_is_looked_at_when_first_used() -> None:
    Encryption(None)


def test_a_new_key_has_the_form_of_a_key_and_is_random() -> None:
    assert len(base64.urlsafe_b64decode(Encryption.new_key())) == 32
    assert Encryption.new_key() != Encryption.new_key()


class CountingKeys(KeyRing):
    """The keys of the settings, with a count of how often they were needed."""

    def __init__(self) -> None:
        super().__init__(SecretStr(KEY))
        self.unwrapped = 0

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        self.unwrapped += 1
        return await super().unwrap(wrapped, context=context)


async def test_a_data_key_in_memory_is_not_unwrapped_again() -> None:
    wrapped = (await encryption(KEY).new_data_key("c")).wrapped
    cipher = Encryption(keys := CountingKeys())
    for _ in range(3):
        await cipher.open_data_key(wrapped, context="c")
    assert keys.unwrapped == 1
    with pytest.raises(DatabaseError):
        await cipher.open_data_key(wrapped, context="another")


async def test_the_data_keys_that_were_unwrapped_last_stay_in_memory() -> None:
    cipher = Encryption(keys := CountingKeys(), cached_keys=2)
    first, second, third = [(await cipher.new_data_key("c")).wrapped for _ in range(3)]
    for wrapped in (third, second):
        await cipher.open_data_key(wrapped, context="c")
    assert keys.unwrapped == 0
    await cipher.open_data_key(first, context="c")
    assert keys.unwrapped == 1
    await cipher.open_data_key(third, context="c")
    assert keys.unwrapped == 1
    await cipher.open_data_key(second, context="c")
    assert keys.unwrapped == 2


async def test_a_data_key_does_not_stay_in_memory_for_longer_than_its_lifetime() -> None:
    cipher = Encryption(keys := CountingKeys(), cache_seconds=0)
    wrapped = (await cipher.new_data_key("c")).wrapped
    for _ in range(2):
        await cipher.open_data_key(wrapped, context="c")
    assert keys.unwrapped == 2


class FrozenKeys:
    """A key service that does not answer, and ignores that nobody waits any more."""

    def __init__(self) -> None:
        self.thawed = asyncio.Event()

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        while not self.thawed.is_set():
            try:
                await self.thawed.wait()
            except asyncio.CancelledError:
                continue
        raise OSError("too late")

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        return (await self.wrap(b"", context=context)).ciphertext


async def test_a_frozen_key_service_is_waited_for_no_longer_than_the_limit() -> None:
    cipher = Encryption(keys := FrozenKeys(), timeout_seconds=0.05)
    async with asyncio.timeout(10):
        with pytest.raises(KeyServiceError, match=r"did not wrap a data key within 0\.05 seconds") as caught:
            await cipher.encrypt("text", context="c")
        with pytest.raises(KeyServiceError, match="did not unwrap"):
            await cipher.open_data_key(WrappedKey("key", b""), context="c")
    assert "nothing is lost" in caught.value.hint
    keys.thawed.set()


async def test_a_cancelled_caller_does_not_wait_for_a_frozen_key_service() -> None:
    cipher = Encryption(keys := FrozenKeys())
    waiting = asyncio.create_task(cipher.probe())
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({waiting})
    assert waiting.cancelled()
    keys.thawed.set()


class FailingKeys:
    """A key service that fails in a given way."""

    def __init__(self, error: BaseException, key: bytes = b"") -> None:
        self.error = error
        self.key = key

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        raise self.error

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        return self.key


@pytest.mark.parametrize(
    "error", [OSError("hunter2"), TimeoutError(), ValueError("hunter2"), asyncio.CancelledError()]
)
async def test_whatever_a_provider_raises_is_an_error_that_may_pass(error: BaseException) -> None:
    with pytest.raises(KeyServiceError) as caught:
        await Encryption(FailingKeys(error)).new_data_key("c")
    assert "hunter2" not in str(caught.value)


async def test_a_refusal_keeps_its_own_sentence() -> None:
    refusal = KeyRefusedError("the key alias/iacs is disabled", hint="enable it")
    with pytest.raises(KeyRefusedError, match="alias/iacs is disabled"):
        await Encryption(FailingKeys(refusal)).new_data_key("c")


async def test_a_data_key_of_another_length_is_refused() -> None:
    with pytest.raises(KeyServiceError, match="of 5 bytes instead of 32"):
        await Encryption(FailingKeys(OSError(), b"short")).open_data_key(WrappedKey("k", b""), context="c")


class ForgetfulKeys(KeyRing):
    """A key service that unwraps another key than it wrapped."""

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        return bytes(32)


async def test_a_provider_that_changes_keys_is_down() -> None:
    with pytest.raises(KeyServiceError, match="different data key"):
        await Encryption(ForgetfulKeys(SecretStr(KEY))).probe()


async def test_a_key_file_may_be_replaced_while_the_program_runs(tmp_path: Path) -> None:
    old, new = Encryption.new_key(), Encryption.new_key()
    path = tmp_path / "keys"
    path.write_text(f"{old}\n")
    cipher = Encryption(KeyFile(path), cache_seconds=0)
    written = await cipher.encrypt("text", context="c")

    path.write_text(f"{new}\n{old}\n")
    assert await cipher.decrypt(written, context="c") == "text"
    anew = await cipher.encrypt("text", context="c")
    path.write_text(f"{new}\n")

    assert await cipher.decrypt(anew, context="c") == "text"
    with pytest.raises(ConfigurationError, match=f"the key file {path} cannot decrypt"):
        await cipher.decrypt(written, context="c")


async def test_a_key_file_that_is_missing_for_a_moment_is_an_error_that_may_pass(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    cipher = Encryption(KeyFile(path))
    with pytest.raises(KeyServiceError, match=f"the key file {path} cannot be read: No such file") as caught:
        await cipher.encrypt("text", context="c")
    assert "permissions" in caught.value.hint
    path.write_text("")
    with pytest.raises(ConfigurationError, match=f"the key file {path} is empty"):
        await cipher.encrypt("text", context="c")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyServiceError, match="it is not text"):
        await cipher.encrypt("text", context="c")


def create_working_keys() -> KeyRing:
    return KeyRing(SecretStr(KEY))


def create_nothing() -> object:
    return object()


async def test_a_setting_names_the_key_provider(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(KEY)
    for name in ("", f"file:{path}", f"{__name__}:create_working_keys"):
        await Encryption(create_key_provider(name, keys=SecretStr(KEY))).probe()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere:create", "cannot be imported: No module named 'nowhere'"),
        (f"{__name__}:absent", "cannot be imported"),
        ("vault", "cannot be imported"),
        (":create", "cannot be imported"),
        ("file:", "cannot be imported"),
        (f"{__name__}:create_nothing", "does not return a key provider"),
    ],
)
def test_a_key_provider_that_cannot_be_made_says_how_to_name_one(name: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"TOKEN_KEY_PROVIDER: {name}.*{problem}") as caught:
        create_key_provider(name, keys=None)
    assert "module:function" in caught.value.hint
