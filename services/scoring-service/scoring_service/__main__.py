"""python -m scoring_service api | worker | migrate"""

from __future__ import annotations

from guanxi_kit.app import run
from scoring_service.main import SERVICE, make_api, make_worker, migrate
from scoring_service.settings import ScoringSettings

if __name__ == "__main__":
    run(SERVICE, ScoringSettings, api=make_api, worker=make_worker, migrate=migrate)
