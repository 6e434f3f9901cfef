"""The command add-channel."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from interaction_service.adapters.channels import ChannelRefused, add_channel
from interaction_service.database import open_database
from interaction_service.settings import SERVICE, InteractionSettings


async def add_channel_command(settings: InteractionSettings, arguments: Sequence[str]) -> int:
    """Make a channel and print its write key if it is new: it is stored as a digest and cannot be shown again."""
    parser = ArgumentParser(prog=f"{SERVICE} add-channel", description=add_channel_command.__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--kind", required=True, help="web, app, mini_program, pos, ...")
    parser.add_argument("--write-key", help="use this key, in place of the one the channel may have")
    options = parser.parse_args(arguments)
    database = await open_database(settings)
    try:
        key = await add_channel(database, name=options.name, kind=options.kind, write_key=options.write_key)
    except ChannelRefused as error:
        sys.stderr.write(f"{SERVICE} add-channel: {error}\n")
        return 1
    finally:
        await database.close()
    if key is None:
        sys.stderr.write(f"channel {options.name} is there already; its write key cannot be shown\n")
    else:
        sys.stdout.write(f"{key}\n")
    return 0
