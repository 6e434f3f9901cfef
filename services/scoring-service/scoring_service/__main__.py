"""python -m scoring_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import imported, run
from scoring_service.migration import migrate
from scoring_service.settings import SERVICE, ScoringSettings

# Imported by the roles that serve: a migration need not wait for all that they have.
MAIN = "scoring_service.main"

if __name__ == "__main__":
    run(
        SERVICE,
        ScoringSettings,
        api=imported(MAIN, "make_api"),
        worker=imported(MAIN, "make_worker"),
        migrate=migrate,
    )
