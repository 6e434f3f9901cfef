"""The reading of mailboxes, put together."""

from __future__ import annotations

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.packs import Pack
from interaction_service.adapters.mail.mailboxes import MailboxTurns
from interaction_service.adapters.mail.watch import MailboxWatch
from interaction_service.adapters.refusals import PostgresRefusals
from interaction_service.application.mail.take_mail import TakeMail
from interaction_service.application.making import make_identification, make_intake
from interaction_service.application.ports import TouchpointLog
from interaction_service.application.refusals import Refusals
from interaction_service.settings import InteractionSettings


def make_watch(
    settings: InteractionSettings,
    pack: Pack,
    *,
    database: Database,
    log: TouchpointLog,
    keyring: Keyring,
    clock: Clock,
) -> MailboxWatch:
    """Return what reads mailboxes into this log."""
    region = settings.default_region
    identification = make_identification(keyring, pack, region)
    refusals = Refusals(PostgresRefusals(database), keyring, identification, clock)
    return MailboxWatch(
        MailboxTurns(database, keyring),
        TakeMail(make_intake(log, keyring, pack, region, clock), refusals),
        clock,
        allow_private=settings.allow_private_mailboxes,
    )
