"""python -m profile_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import imported, run
from profile_service.migration import migrate
from profile_service.settings import SERVICE, ProfileSettings

# Imported by the roles that serve: a migration need not wait for all that they have.
MAIN = "profile_service.main"

if __name__ == "__main__":
    run(
        SERVICE,
        ProfileSettings,
        api=imported(MAIN, "make_api"),
        worker=imported(MAIN, "make_worker"),
        migrate=migrate,
    )
