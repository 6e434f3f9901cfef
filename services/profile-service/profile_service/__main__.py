"""python -m profile_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run_service
from profile_service.settings import SERVICE, ProfileSettings

if __name__ == "__main__":
    run_service(
        SERVICE,
        ProfileSettings,
        package="profile_service",
        schema="profile",
    )
