"""python -m notification_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run_service
from notification_service.settings import SERVICE, NotificationSettings

if __name__ == "__main__":
    run_service(
        SERVICE,
        NotificationSettings,
        package="notification_service",
        schema="notification",
    )
