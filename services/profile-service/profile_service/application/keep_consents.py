"""Command: take the preferences that touchpoints carry into the ledger of consents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.packs import PurposeSettings
from profile_service.application.consent_ports import ConsentLedger
from profile_service.domain.consents import Consent, ConsentKey, Standing

TOUCHPOINT = "touchpoint"
"""The source of what a consent tool on a web site or in an app reported."""


class Preferences(NamedTuple):
    """What a consent tool reported: yes or no by category, and the notice that was shown, where it says so."""

    categories: Mapping[str, bool]
    notice_version: str | None


class Told(NamedTuple):
    """The preferences in a touchpoint, and the fragment that it was placed in."""

    touchpoint: TouchpointReceivedV1
    profile_id: UUID
    preferences: Preferences


async def keep_preferences(
    told: Sequence[Told], purposes: PurposeSettings, ledger: ConsentLedger, now: datetime
) -> set[ConsentKey]:
    """Append what differs from what holds already, and return what changed in force.

    A tool reports its state with every event; only a change of it is a decision. A yes supersedes earlier refusals of
    the other identifiers in the same touchpoint: they are in the same hands.
    """
    owners = await ledger.owners({ref.hash for each in told for ref in each.touchpoint.identifiers})
    homes = {each.profile_id for each in told}
    reported = await ledger.lock_told(homes)
    standings = {each.key: each for each in await ledger.standings(homes | set(owners.values()))}
    keeping = _Keeping(purposes, standings, dict(reported))
    consents: list[Consent] = []
    for each in sorted(told, key=lambda one: (one.touchpoint.occurred_at, one.touchpoint.touchpoint_id)):
        speakers = {owners[ref.hash] for ref in each.touchpoint.identifiers if ref.hash in owners}
        consents += keeping.decided(each, speakers - {each.profile_id})
    if keeping.reported != reported:
        await ledger.remember_told(keeping.reported)
    return (await ledger.append(consents, now)).changed if consents else set()


class _Keeping:
    """What holds and what was reported, kept up while a batch is gone through in the order of time."""

    def __init__(
        self,
        purposes: PurposeSettings,
        standings: dict[ConsentKey, Standing],
        reported: dict[tuple[UUID, str], datetime],
    ) -> None:
        self._purposes = purposes
        self._standings = standings
        self.reported = reported

    def decided(self, told: Told, others: Collection[UUID]) -> list[Consent]:
        consents: list[Consent] = []
        at = told.touchpoint.occurred_at
        for purpose, granted in _by_purpose(told.preferences, self._purposes).items():
            place = (told.profile_id, purpose)
            last = self.reported.get(place, at)
            self.reported[place] = max(last, at)
            for channel in self._purposes.root[purpose].channels:
                key = ConsentKey(told.profile_id, purpose, channel)
                consents += self._decide(_Said(told, key, granted), others, last)
        return consents

    def _decide(self, said: _Said, others: Collection[UUID], last: datetime) -> Iterable[Consent]:
        standing = self._standings.get(said.key)
        supersedes = [other for other in others if said.granted and self._refuses(other, said, standing)]
        if standing is not None and (standing.decision == "granted") == said.granted and not supersedes:
            return
        yield self._remembered(said.consent(supersedes), standing)
        if standing is not None and standing.effective_at <= said.at < last:
            # It came late: the tool has said again since then what held before, and what holds still.
            yield self._remembered(said.confirmation(standing, last), self._standings[said.key])

    def _refuses(self, other: UUID, said: _Said, standing: Standing | None) -> bool:
        theirs = self._standings.get(said.key._replace(profile_id=other))
        if theirs is None or theirs.decision == "granted" or theirs.effective_at >= said.at:
            return False
        return standing is None or not standing.overrides(theirs)

    def _remembered(self, consent: Consent, before: Standing | None) -> Consent:
        supersedes = {
            **(before.supersedes if before else {}),
            **dict.fromkeys(consent.supersedes, consent.effective_at),
        }
        now = Standing(consent.key, consent.decision, consent.effective_at, consent.event_id, consent.source)
        holds = before if before is not None and before.rank > consent.rank else now
        self._standings[consent.key] = replace(holds, supersedes=supersedes)
        return consent


class _Said(NamedTuple):
    """Yes or no to one purpose on one channel."""

    told: Told
    key: ConsentKey
    granted: bool

    @property
    def at(self) -> datetime:
        """When it was said."""
        return self.told.touchpoint.occurred_at

    def consent(self, supersedes: Collection[UUID]) -> Consent:
        """Return it as a decision."""
        touchpoint = self.told.touchpoint
        return Consent(
            event_id=event_id(touchpoint.touchpoint_id.bytes, self.key.purpose, self.key.channel),
            key=self.key,
            decision="granted" if self.granted else "denied",
            effective_at=self.at,
            source=TOUCHPOINT,
            recorded_by=f"channel:{touchpoint.channel}",
            notice_version=self.told.preferences.notice_version,
            touchpoint_id=touchpoint.touchpoint_id,
            supersedes=supersedes,
        )

    def confirmation(self, standing: Standing, at: datetime) -> Consent:
        """Return that what held before was said again at a later moment."""
        cause = b"confirmed" + self.told.touchpoint.touchpoint_id.bytes
        return replace(
            self.consent(()),
            event_id=event_id(cause, self.key.purpose, self.key.channel),
            decision="granted" if standing.decision == "granted" else "denied",
            effective_at=at,
            notice_version=standing.notice_version,
            touchpoint_id=None,
        )


def event_id(cause: bytes, purpose: str, channel: str) -> UUID:
    """Return the id of a decision that follows from what caused it, so that a repeat is recognised."""
    digest = sha256(b"consent\0" + cause + b"\0" + purpose.encode() + b"\0" + channel.encode())
    return UUID(bytes=digest.digest()[:16])


def _by_purpose(preferences: Preferences, purposes: PurposeSettings) -> dict[str, bool]:
    """Return yes or no by purpose, of several categories of one purpose the no; other categories are no purposes."""
    found: dict[str, bool] = {}
    for category, granted in preferences.categories.items():
        purpose = purposes.by_category.get(category.casefold())
        if purpose is not None:
            found[purpose] = granted and found.get(purpose, True)
    return found
