"""What an erasure does to each table of interaction-service. A test holds this list against the tables there are."""

from __future__ import annotations

from guanxi_kit.erasure import PLUMBING, TOMBSTONES, Rule, Statement, delete_by, kept
from interaction_service.adapters.case_store import TIMER
from interaction_service.adapters.survey_store import TIMER as SURVEY
from interaction_service.adapters.task_store import OVERDUE, REMINDER

_SURVEYS = "SELECT survey_id FROM survey WHERE profile_id = ANY($1::uuid[])"
_CASES = "SELECT case_id FROM case_file WHERE profile_id = ANY($1::uuid[])"
_TASKS = "SELECT task_id FROM task WHERE profile_id = ANY($1::uuid[])"


def _of_cases(table: str) -> tuple[Statement, ...]:
    return (Statement(f"DELETE FROM {table} WHERE case_id IN ({_CASES})"),)  # noqa: S608


RULES: tuple[Rule, ...] = (
    Rule("membership", "who the person was", delete_by("membership", "profile_id")),
    Rule("touchpoint", "removed page by page by the job erase_timeline, however many there are"),
    Rule("touchpoint_text", "words of what the person wrote, as keyed hashes; removed with the touchpoint"),
    Rule("key_moment", "what mattered in the person's story", delete_by("key_moment", "profile_id")),
    Rule(
        "import_refusal",
        "rows of files that name the person and were not taken in",
        (Statement("DELETE FROM import_refusal WHERE tombstones && $1::bytea[]", (TOMBSTONES,)),),
    ),
    Rule(
        "refusal",
        "refused items that name the person; those that name nobody go within days",
        (Statement("DELETE FROM refusal WHERE tombstones && $1::bytea[]", (TOMBSTONES,)),),
    ),
    # What is taken in from a file after the erasure is recognised as that of an erased person by profile-service.
    *kept("gone when their import ends, and 7 days after the upload at the latest", "import_chunk"),
    *kept("names of files and columns, under seal; gone 14 days after the upload", "import_file"),
    Rule("case_event", "what was said about the person's cases", _of_cases("case_event")),
    Rule("case_clock_event", "clocks of the person's cases", _of_cases("case_clock_event")),
    Rule("case_clock", "clocks of the person's cases", _of_cases("case_clock")),
    Rule("case_alarm", "alarms of the person's cases", _of_cases("case_alarm")),
    Rule(
        "timer",
        "what is to happen about the person",
        (
            Statement(f"DELETE FROM timer WHERE kind = '{TIMER}' AND key IN ({_CASES})"),  # noqa: S608
            Statement(
                f"DELETE FROM timer WHERE kind IN ('{REMINDER}', '{OVERDUE}') AND key IN ({_TASKS})"  # noqa: S608
            ),
            Statement(f"DELETE FROM timer WHERE kind = '{SURVEY}' AND key IN ({_SURVEYS})"),  # noqa: S608
        ),
    ),
    Rule(
        "task_event",
        "what was said about tasks for the person",
        (Statement(f"DELETE FROM task_event WHERE task_id IN ({_TASKS})"),),  # noqa: S608
    ),
    Rule("task", "tasks about the person", delete_by("task", "profile_id")),
    Rule("contact_record", "contacts with the person", delete_by("contact_record", "profile_id")),
    Rule("survey", "what the person was asked, and answered", delete_by("survey", "profile_id")),
    Rule("need", "what the person needs", delete_by("need", "profile_id")),
    Rule("case_counted", "what the person's cases contributed to counts", _of_cases("case_counted")),
    Rule("contact_month", "how often who spoke to the person", delete_by("contact_month", "customer_id")),
    *kept("counts by day, of nobody in particular", "tally"),
    Rule("case_file", "the person's cases", delete_by("case_file", "profile_id")),
    *kept("how many cases there were on a day", "case_number_day"),
    *kept("names of events, not of persons", "event_name"),
    *kept("what the law wants kept, sealed; no endpoint reads it", "held_record"),
    *kept("sources of touchpoints, and how they are read", "channel", "channel_declaration", "mailbox"),
    *PLUMBING,
)
