"""python -m interaction_service api | worker | migrate | index-timeline | add-channel --name NAME --kind KIND"""

from __future__ import annotations

from guanxi_kit.app import run
from interaction_service.add_channel import add_channel_command
from interaction_service.index_timeline import index_timeline_command
from interaction_service.main import SERVICE, make_api, make_worker, migrate
from interaction_service.settings import InteractionSettings

if __name__ == "__main__":
    run(
        SERVICE,
        InteractionSettings,
        api=make_api,
        worker=make_worker,
        migrate=migrate,
        commands={"add-channel": add_channel_command, "index-timeline": index_timeline_command},
    )
