import base64
import hashlib
import hmac
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from guanxi_kit.crypto import Keyring, KeyringError, SealBroken, sealed_key_id
from guanxi_kit.settings import ServiceSettings

KEYRING = Keyring.generate()


@given(plain=st.binary(max_size=4096), aad=st.binary(max_size=32))
def test_what_is_sealed_opens_with_the_same_associated_data(plain: bytes, aad: bytes) -> None:
    sealed = KEYRING.seal(plain, aad)
    assert KEYRING.open(sealed, aad) == plain
    assert len(sealed) == len(plain) + 5 + 12 + 16


def test_sealing_twice_gives_different_values() -> None:
    assert KEYRING.seal(b"same", b"") != KEYRING.seal(b"same", b"")


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_any_changed_bit_is_noticed(position: int, bit: int) -> None:
    sealed = bytearray(KEYRING.seal(b"+1 202-555-0100", b"touchpoint"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SealBroken):
        KEYRING.open(bytes(sealed), b"touchpoint")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01\x00\x00\x00\x01", b"plain text"])
def test_what_is_no_sealed_value_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        KEYRING.open(sealed, b"")


def test_other_associated_data_or_another_ring_does_not_open() -> None:
    sealed = KEYRING.seal(b"plain", b"one")
    with pytest.raises(SealBroken):
        KEYRING.open(sealed, b"other")
    with pytest.raises(SealBroken):
        Keyring.generate().open(sealed, b"one")


def test_rotation_seals_with_a_new_key_and_opens_the_old_values() -> None:
    first = Keyring.generate()
    old = first.seal(b"old", b"a")
    second = first.with_new_key().promoted()
    third = second.with_new_key().promoted()
    new = third.seal(b"new", b"a")
    assert third.open(old, b"a") == b"old"
    assert third.key_ids > second.key_ids > first.key_ids
    assert sealed_key_id(old) == first.primary_key_id
    assert sealed_key_id(new) == third.primary_key_id != second.primary_key_id
    with pytest.raises(SealBroken):
        first.open(new, b"a")


def test_during_a_rotation_every_ring_opens_what_any_other_sealed() -> None:
    before = Keyring.generate()
    prepared = before.with_new_key()
    promoted = prepared.promoted()
    for writer in (before, prepared, promoted):
        for reader in (prepared, promoted):
            assert reader.open(writer.seal(b"x", b"a"), b"a") == b"x"
    assert prepared.primary_key_id == before.primary_key_id != promoted.primary_key_id


def test_a_retired_key_opens_nothing_more_and_the_ring_says_when_it_ceased_to_seal() -> None:
    now = datetime(2024, 5, 1, 8, tzinfo=UTC)
    first = Keyring.generate()
    second = Keyring.load(first.with_new_key().promoted(now).to_json())
    assert second.sealed_until == {first.primary_key_id: now}
    third = second.retired(first.primary_key_id)
    assert third.key_ids == {second.primary_key_id}
    assert third.sealed_until == {}
    with pytest.raises(SealBroken):
        third.open(first.seal(b"old", b"a"), b"a")
    for key_id in (second.primary_key_id, 1):
        with pytest.raises(KeyringError):
            second.retired(key_id)


def test_a_ring_follows_its_file_and_looks_there_before_it_gives_up(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    first = Keyring.generate()
    first.save(path)
    ring = Keyring.follow(path)
    assert not ring.refresh()
    rotated = first.with_new_key().promoted()
    rotated.save(path)
    assert ring.open(rotated.seal(b"new", b"a"), b"a") == b"new"
    assert ring.primary_key_id == rotated.primary_key_id
    assert not ring.refresh()


@pytest.mark.parametrize("broken", ["", '{"aead"', "{}", Keyring.generate().to_json(), None])
def test_a_broken_file_leaves_the_ring_as_it_was_and_is_named(tmp_path: Path, broken: str | None) -> None:
    path = tmp_path / "keyring.json"
    KEYRING.save(path)
    ring = Keyring.follow(path)
    path.unlink() if broken is None else path.write_text(broken)
    assert not ring.refresh()
    assert ring.fault is not None
    assert ring.open(ring.seal(b"x", b"a"), b"a") == b"x"
    with pytest.raises(SealBroken):
        ring.open(Keyring.generate().seal(b"x", b"a"), b"a")
    KEYRING.with_new_key().save(path)
    assert ring.refresh()
    assert ring.fault is None
    assert len(ring.key_ids) == 2


def test_the_blind_index_is_keyed_truncated_hmac_and_survives_rotation() -> None:
    keyring = Keyring.generate()
    key = base64.b64decode(json.loads(keyring.to_json())["index_key"])
    expected = hmac.new(key, b"phone\0CN\0+12025550100", hashlib.sha256).digest()[:16]
    assert keyring.blind("phone\0CN", "+12025550100") == expected
    assert keyring.with_new_key().promoted().blind("phone\0CN", "+12025550100") == expected
    assert Keyring.generate().blind("phone\0CN", "+12025550100") != expected
    assert keyring.blind("email", "x") != keyring.blind("phone", "x")


def test_a_keyring_loads_from_json_base64_and_file(tmp_path: Path) -> None:
    text = KEYRING.to_json()
    path = tmp_path / "keyring.json"
    KEYRING.save(path)
    sealed = KEYRING.seal(b"plain", b"")
    for source in (text, base64.b64encode(text.encode()).decode(), path, str(path)):
        assert Keyring.load(source).open(sealed, b"") == b"plain"
    for settings in (
        ServiceSettings(service="demo", keyring=SecretStr(text)),
        ServiceSettings(service="demo", keyring_file=path),
    ):
        assert Keyring.from_settings(settings).open(sealed, b"") == b"plain"


def test_a_saved_keyring_is_for_its_owner_only_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    KEYRING.save(path)
    KEYRING.with_new_key().promoted().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keyring.json"]
    assert len(Keyring.load(path).key_ids) == 2


@pytest.mark.parametrize(
    "source",
    [
        "{}",
        "{",
        "/nowhere/keyring.json",
        '{"aead": {}, "index_key": ""}',
        json.dumps({**json.loads(KEYRING.to_json()), "index_key": base64.b64encode(b"short").decode()}),
        json.dumps({**json.loads(KEYRING.to_json()), "aead": {"primaryKeyId": 1, "key": []}}),
    ],
)
def test_an_unusable_keyring_is_refused_without_showing_it(source: str) -> None:
    with pytest.raises(KeyringError) as caught:
        Keyring.load(source)
    assert json.loads(KEYRING.to_json())["index_key"] not in str(caught.value)


def test_a_missing_keyring_says_which_variables_give_one() -> None:
    with pytest.raises(KeyringError, match="GUANXI_KEYRING"):
        Keyring.from_settings(ServiceSettings(service="demo", keyring=None, keyring_file=None))


def test_no_key_shows_in_a_repr() -> None:
    document = json.loads(KEYRING.to_json())
    shown = repr(KEYRING)
    assert document["index_key"] not in shown
    assert document["aead"]["key"][0]["keyData"]["value"] not in shown
