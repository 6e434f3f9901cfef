"""python -m interaction_service api | worker | migrate | index-timeline | add-channel --name NAME --kind KIND"""

from __future__ import annotations

from guanxi_kit.app import imported, run
from interaction_service.add_channel import add_channel_command
from interaction_service.index_timeline import index_timeline_command
from interaction_service.migration import migrate
from interaction_service.settings import SERVICE, InteractionSettings

# Imported by the roles that serve: a migration need not wait for all that they have.
MAIN = "interaction_service.main"

if __name__ == "__main__":
    run(
        SERVICE,
        InteractionSettings,
        api=imported(MAIN, "make_api"),
        worker=imported(MAIN, "make_worker"),
        migrate=migrate,
        commands={"add-channel": add_channel_command, "index-timeline": index_timeline_command},
    )
