"""`guanxi`: what operators do with a running platform, over its gateway."""

from __future__ import annotations

import typer

from guanxi_cli.commands import (
    audit,
    briefing,
    cases,
    classification,
    consents,
    customer,
    dead_letters,
    deduping,
    erasing,
    exporting,
    importing,
    jobs,
    keys,
    merging,
    messages,
    reviewing,
    simulating,
    tasks,
    timers,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """GUANXI_URL and GUANXI_TOKEN name the platform; beside a local one nothing needs to be set."""


# One line for each command module: app.add_typer(...) or app.command(...).

app.add_typer(deduping.app, name="dedupe")
app.add_typer(audit.app, name="audit")
app.add_typer(cases.app, name="case")
app.add_typer(erasing.app, name="erase")
app.command()(exporting.export)
app.command("import")(importing.import_file)
app.add_typer(consents.app, name="consent")
app.add_typer(customer.app, name="customer")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="rotate-keys")
app.add_typer(classification.tag, name="tag")
app.add_typer(classification.segments, name="segments")
merging.register(app)
reviewing.register(app)
app.add_typer(simulating.app, name="simulate")
app.add_typer(tasks.app, name="task")
app.add_typer(timers.app, name="timers")
app.add_typer(messages.app, name="messages")
app.command()(briefing.brief)
