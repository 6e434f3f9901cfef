"""python -m notification_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import imported, run
from notification_service.migration import migrate
from notification_service.settings import SERVICE, NotificationSettings

# Imported by the roles that serve: a migration need not wait for all that they have.
MAIN = "notification_service.main"

if __name__ == "__main__":
    run(
        SERVICE,
        NotificationSettings,
        api=imported(MAIN, "make_api"),
        worker=imported(MAIN, "make_worker"),
        migrate=migrate,
    )
