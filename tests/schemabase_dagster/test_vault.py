"""A vault that opens the wrong envelope, or leaks what it could not read, is worse than none."""

import base64
import multiprocessing
import stat
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemabase_dagster import vault
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import forget_settings, get_settings

OLD = f"old:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"new:{base64.b64encode(b'n' * 32).decode()}"
APP = UUID("00000000-0000-7000-8000-000000000001")
OTHER = UUID("00000000-0000-7000-8000-000000000002")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch):
    """Set the key ring."""

    def set_ring(*entries: str) -> None:
        monkeypatch.setenv("SCHEMABASE_KEYS", ",".join(entries))
        forget_settings()

    return set_ring


def test_envelope_opens_for_its_row_only():
    envelope, key_id = vault.encrypt(b"canary", vault.app_aad(APP))

    assert vault.decrypt(envelope, key_id, vault.app_aad(APP)) == b"canary"
    for other in (vault.app_aad(OTHER), vault.token_aad(APP, "access"), b""):
        with pytest.raises(ConfigurationError, match="does not open"):
            vault.decrypt(envelope, key_id, other)


def test_envelope_has_the_documented_layout():
    envelope, _ = vault.encrypt(b"four", b"row")

    assert envelope[0] == 1
    assert len(envelope) == 1 + 12 + 4 + 16


def test_same_secret_never_gives_the_same_envelope():
    assert vault.encrypt(b"secret", b"row")[0] != vault.encrypt(b"secret", b"row")[0]


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject):
    envelope, key_id = vault.encrypt(b"secret", b"row")
    position = data.draw(st.integers(0, len(envelope) - 1))
    change = data.draw(st.integers(1, 255))
    broken = bytearray(envelope)
    broken[position] ^= change

    with pytest.raises(ConfigurationError):
        vault.decrypt(bytes(broken), key_id, b"row")


def test_truncated_envelope_is_an_error_of_ours():
    envelope, key_id = vault.encrypt(b"secret", b"row")

    for length in (0, 1, 13, 20):
        with pytest.raises(ConfigurationError):
            vault.decrypt(envelope[:length], key_id, b"row")


def test_first_key_encrypts_and_all_decrypt(ring):
    ring(OLD)
    sealed = vault.encrypt(b"secret", b"row")
    ring(NEW, OLD)

    assert vault.encrypt(b"other", b"row")[1] == "new"
    assert sealed[1] == "old"
    assert vault.decrypt(*sealed, b"row") == b"secret"


def test_lost_key_is_named(ring):
    ring(OLD)
    sealed = vault.encrypt(b"secret", b"row")
    ring(NEW)

    with pytest.raises(ConfigurationError, match=r"key 'old'.*not in the key ring"):
        vault.decrypt(*sealed, b"row")


@pytest.mark.parametrize(
    "entries",
    [
        ("canary",),
        ("id:canary",),
        (f"id:{base64.b64encode(b'canary').decode()}",),
        (OLD, OLD),
        (f":{base64.b64encode(b'c' * 32).decode()}",),
        (",",),
    ],
    ids=["no colon", "no base64", "too short", "twice", "no id", "empty"],
)
def test_wrong_key_ring_is_refused_without_repeating_it(ring, entries: tuple[str, ...]):
    ring(*entries)

    with pytest.raises(ConfigurationError, match="key ring") as caught:
        vault.encrypt(b"secret", b"row")

    assert "canary" not in str(caught.value)
    assert "Y2FuYXJ5" not in str(caught.value)


def test_generated_key_is_an_entry_of_a_ring(ring):
    entry = vault.generate_key()
    ring(entry)

    assert vault.key_ids() == [entry.partition(":")[0]]
    assert vault.decrypt(*vault.encrypt(b"secret", b"row"), b"row") == b"secret"


def test_key_file_is_made_for_its_owner_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SCHEMABASE_KEYS")
    forget_settings()

    sealed = vault.encrypt(b"secret", b"row")

    path = get_settings().state_dir / "keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys"]
    assert vault.decrypt(*sealed, b"row") == b"secret"


def test_processes_that_start_at_once_get_the_same_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.delenv("SCHEMABASE_KEYS")
    monkeypatch.setenv("SCHEMABASE_STATE_DIR", str(tmp_path / "fresh"))

    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = pool.map(_key_id, range(8))
        pool.close()
        pool.join()

    assert len(set(ids)) == 1


def _key_id(_number: int) -> str:
    return vault.key_ids()[0]
