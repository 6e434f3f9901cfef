"""What an erasure does to each table of interaction-service. A test holds this list against the tables there are."""

from __future__ import annotations

from guanxi_kit.erasure import PLUMBING, TOMBSTONES, Rule, Statement, delete_by, kept

RULES: tuple[Rule, ...] = (
    Rule("membership", "who the person was", delete_by("membership", "profile_id")),
    Rule("touchpoint", "removed page by page by the job erase_timeline, however many there are"),
    Rule(
        "import_refusal",
        "rows of files that name the person and were not taken in",
        (Statement("DELETE FROM import_refusal WHERE tombstones && $1::bytea[]", (TOMBSTONES,)),),
    ),
    # What is taken in from a file after the erasure is recognised as that of an erased person by profile-service.
    *kept("gone when their import ends, and 7 days after the upload at the latest", "import_chunk"),
    *kept("names of files and columns, under seal; gone 14 days after the upload", "import_file"),
    *kept("what the law wants kept, sealed; no endpoint reads it", "held_record"),
    *kept("sources of touchpoints", "channel"),
    *PLUMBING,
)
