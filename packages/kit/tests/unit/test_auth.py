import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from guanxi_kit.auth import InvalidToken, TokenVerifier, generate_signing_key, mint_token, public_jwks
from guanxi_kit.clock import ManualClock
from guanxi_kit.jwks import JwksFile, JwksUnavailable
from guanxi_kit.roles import ROLE_PERMISSIONS
from guanxi_kit.settings import ServiceSettings, SettingsError
from guanxi_kit.testing import StaffIdentity

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identity(clock: ManualClock) -> StaffIdentity:
    return StaffIdentity(clock)


def claims(clock: ManualClock, **changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    base = {"iss": "guanxi", "aud": "guanxi", "sub": "staff-1", "role": "agent", "exp": now + 3600}
    return {name: value for name, value in (base | changes).items() if value is not None}


def signed(identity: StaffIdentity, content: dict[str, Any]) -> str:
    key = OKPKey.import_key(identity.signing_key)
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, content, key, algorithms=["Ed25519"])


def test_a_minted_token_gives_its_principal(identity: StaffIdentity) -> None:
    principal = identity.verifier.verify(identity.token("team_lead", "staff-7"))
    assert (principal.subject, principal.role) == ("staff-7", "team_lead")
    assert principal.permissions == ROLE_PERMISSIONS["team_lead"]


def test_contacts_are_for_services_alone_and_analysts_see_no_person() -> None:
    assert [role for role, granted in ROLE_PERMISSIONS.items() if "contact.read" in granted] == ["service"]
    assert not ROLE_PERMISSIONS["analyst"] & {
        "customer.read",
        "customer.lookup",
        "timeline.read",
        "message.read",
    }
    assert "changes.read" in ROLE_PERMISSIONS["agent"]


def test_a_token_lives_from_its_start_to_its_end(identity: StaffIdentity, clock: ManualClock) -> None:
    token = identity.token(ttl=HOUR)
    identity.verifier.verify(token)
    clock.advance(HOUR - timedelta(seconds=1))
    identity.verifier.verify(token)
    clock.advance(timedelta(seconds=7))
    with pytest.raises(InvalidToken, match="expired_token"):
        identity.verifier.verify(token)


def test_a_remembered_token_ends_at_its_own_time(identity: StaffIdentity, clock: ManualClock) -> None:
    token = identity.token(ttl=timedelta(seconds=10))
    identity.verifier.verify(token)
    clock.advance(15)
    with pytest.raises(InvalidToken):
        identity.verifier.verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": ["staff-1"]},
        {"role": None},
        {"role": "root"},
        {"role": ["admin"]},
        {"role": {"admin": True}},
        {"nbf": 4_000_000_000},
    ],
)
def test_claims_that_do_not_fit_are_refused(
    identity: StaffIdentity, clock: ManualClock, changes: dict[str, Any]
) -> None:
    identity.verifier.verify(signed(identity, claims(clock)))
    with pytest.raises(InvalidToken):
        identity.verifier.verify(signed(identity, claims(clock, **changes)))


def test_another_key_with_the_same_id_is_refused(identity: StaffIdentity, clock: ManualClock) -> None:
    forged = {**generate_signing_key(), "kid": identity.signing_key["kid"]}
    with pytest.raises(InvalidToken):
        identity.verifier.verify(mint_token(forged, "staff-1", "admin", HOUR, clock))


def test_a_symmetric_signature_made_with_the_public_key_is_refused(
    identity: StaffIdentity, clock: ManualClock
) -> None:
    public = json.dumps(identity.jwks["keys"][0], sort_keys=True)
    forged = jwt.encode(
        {"alg": "HS256", "kid": identity.signing_key["kid"]},
        claims(clock, role="admin"),
        OctKey.import_key(public.encode().ljust(64, b"=")),
    )
    with pytest.raises(InvalidToken):
        identity.verifier.verify(forged)


@pytest.mark.parametrize("token", ["", "a.b.c", "é.é.é", "\ud800", "x" * 9000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(identity: StaffIdentity, token: str) -> None:
    with pytest.raises(InvalidToken):
        identity.verifier.verify(token)


def test_verified_tokens_are_remembered_within_a_bound(
    identity: StaffIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guanxi_kit.auth._CACHE_SIZE", 3)
    tokens = [identity.token(subject=f"staff-{number}") for number in range(10)]
    for token in tokens:
        identity.verifier.verify(token)
    assert len(identity.verifier._verified) == 3
    calls: list[str] = []
    monkeypatch.setattr(identity.verifier, "_verify", calls.append)
    identity.verifier.verify(tokens[-1])
    assert calls == []


def test_es256_keys_of_an_issuer_are_taken(clock: ManualClock) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig", "kid": "ec-1"})
    verifier = TokenVerifier({"keys": [key.as_dict(private=False)]}, clock=clock)
    token = jwt.encode({"alg": "ES256", "kid": "ec-1"}, claims(clock), key)
    assert verifier.verify(token).role == "agent"


async def test_a_key_withdrawn_from_the_file_ends_its_tokens_at_once(
    tmp_path: Path, clock: ManualClock
) -> None:
    old, new = StaffIdentity(clock), StaffIdentity(clock)
    path = old.write_jwks(tmp_path / "jwks.json")
    verifier = TokenVerifier(JwksFile(path), clock=clock)
    token = old.token()
    assert (await verifier.authenticate(token)).role == "admin"
    path.unlink()
    new.write_jwks(path)
    assert (await verifier.authenticate(new.token("agent"))).role == "agent"
    with pytest.raises(InvalidToken):
        await verifier.authenticate(token)


async def test_a_file_that_becomes_unreadable_keeps_the_last_keys(tmp_path: Path, clock: ManualClock) -> None:
    identity = StaffIdentity(clock)
    path = identity.write_jwks(tmp_path / "jwks.json")
    verifier = TokenVerifier(JwksFile(path), clock=clock)
    await verifier.authenticate(identity.token())
    path.unlink()
    path.write_text("{half")
    assert (await verifier.authenticate(identity.token("dpo"))).role == "dpo"


async def test_without_any_keys_nobody_is_told_that_his_token_is_bad(
    tmp_path: Path, clock: ManualClock
) -> None:
    verifier = TokenVerifier(JwksFile(tmp_path / "absent.json"), clock=clock)
    with pytest.raises(JwksUnavailable):
        await verifier.authenticate(StaffIdentity(clock).token())


def test_settings_without_keys_say_which_variable_gives_them() -> None:
    with pytest.raises(SettingsError, match="GUANXI_JWKS_FILE"):
        TokenVerifier.from_settings(ServiceSettings(service="demo", jwks_file=None, jwks_url=None))


def test_published_keys_hold_no_private_half() -> None:
    key = generate_signing_key()
    assert "d" in key
    assert all("d" not in published for published in public_jwks(key)["keys"])
