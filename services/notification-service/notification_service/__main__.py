"""python -m notification_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run
from notification_service.main import SERVICE, make_api, make_worker, migrate
from notification_service.settings import NotificationSettings

if __name__ == "__main__":
    run(SERVICE, NotificationSettings, api=make_api, worker=make_worker, migrate=migrate)
