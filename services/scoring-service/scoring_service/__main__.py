"""python -m scoring_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run_service
from scoring_service.settings import SERVICE, ScoringSettings

if __name__ == "__main__":
    run_service(
        SERVICE,
        ScoringSettings,
        package="scoring_service",
        schema="scoring",
    )
