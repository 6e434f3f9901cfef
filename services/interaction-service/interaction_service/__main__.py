"""python -m interaction_service api | worker | migrate | index-timeline | add-channel --name NAME --kind KIND"""

from __future__ import annotations

from guanxi_kit.app import run_service
from interaction_service.add_channel import add_channel_command
from interaction_service.index_timeline import index_timeline_command
from interaction_service.settings import SERVICE, InteractionSettings

if __name__ == "__main__":
    run_service(
        SERVICE,
        InteractionSettings,
        package="interaction_service",
        schema="interaction",
        commands={"add-channel": add_channel_command, "index-timeline": index_timeline_command},
    )
