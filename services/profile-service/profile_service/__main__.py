"""python -m profile_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run
from profile_service.main import SERVICE, make_api, make_worker, migrate
from profile_service.settings import ProfileSettings

if __name__ == "__main__":
    run(SERVICE, ProfileSettings, api=make_api, worker=make_worker, migrate=migrate)
