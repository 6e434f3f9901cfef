"""Everything but the timeline that is kept of a person here, for the person alone."""

from __future__ import annotations

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.case_export import PostgresCaseExport
from interaction_service.adapters.need_export import PostgresNeedExport
from interaction_service.adapters.survey_export import PostgresSurveyExport
from interaction_service.adapters.task_export import PostgresTaskExport

PersonExport = PostgresCaseExport | PostgresTaskExport | PostgresSurveyExport | PostgresNeedExport


def person_exports(database: Database, keyring: Keyring) -> list[PersonExport]:
    """Return them in the order of the document."""
    return [
        PostgresCaseExport(database, keyring),
        PostgresTaskExport(database, keyring),
        PostgresSurveyExport(database, keyring),
        PostgresNeedExport(database, keyring),
    ]
