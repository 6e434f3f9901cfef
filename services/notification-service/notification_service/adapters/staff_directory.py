"""Where staff can be reached: a file of the operator, read when the worker starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from guanxi_kit.outward import AddressRefused, check_url
from guanxi_kit.settings import SettingsError
from guanxi_kit.webhooks import secret_key
from notification_service.domain.notices import Target

TEAM = "team:"
ROLE = "role:"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StaffWebhook(_Model):
    """A callback that is signed as Standard Webhooks are."""

    url: str
    secret: str

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: str) -> str:
        if len(secret_key(secret)) < 16:
            raise ValueError("is too short: 16 bytes at least")
        return secret


class Reachable(_Model):
    """How somebody, or a whole team, is reached: by e-mail, by a callback, or by both."""

    email: Annotated[str, Field(pattern=r"^[!-?A-~]+@[!-?A-~]+$")] | None = None
    webhook: StaffWebhook | None = None

    @property
    def targets(self) -> list[Target]:
        """Return the addresses."""
        mail = [Target("email", self.email)] if self.email else []
        hook = self.webhook
        return mail + ([Target("webhook", hook.url, hook.secret)] if hook else [])


class StaffTeam(Reachable):
    """A team, and who has which role in it."""

    roles: dict[str, Reachable] = {}


class StaffDirectory(_Model):
    """The `Directory` port. `roles` hold in every team that does not name its own; `locale` is that of notices."""

    locale: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "zh"
    people: dict[str, Reachable] = {}
    teams: dict[str, StaffTeam] = {}
    roles: dict[str, Reachable] = {}

    def find(self, recipient: str, team: str) -> Sequence[Target]:
        """Return the addresses of a person, of `team:name`, or of `role:name` in the case's team; none if unknown."""
        found: Reachable | None
        if recipient.startswith(TEAM):
            found = self.teams.get(recipient.removeprefix(TEAM))
        elif recipient.startswith(ROLE):
            role = recipient.removeprefix(ROLE)
            in_team = self.teams[team].roles if team in self.teams else {}
            found = in_team.get(role) or self.roles.get(role)
        else:
            found = self.people.get(recipient)
        return found.targets if found else []

    def check(self, *, allow_private: bool) -> None:
        """Raise ValueError for a callback that must not be called."""
        everybody = [*self.people.values(), *self.teams.values(), *self.roles.values()]
        everybody += [one for team in self.teams.values() for one in team.roles.values()]
        for one in everybody:
            if one.webhook is not None:
                try:
                    check_url(one.webhook.url, allow_private=allow_private)
                except AddressRefused as error:
                    raise ValueError(f"webhook {error}") from None


def read_directory(path: Path | None, *, allow_private: bool) -> StaffDirectory:
    """Return the directory in a file, an empty one without a file. Raises SettingsError without showing addresses."""
    if path is None:
        return StaffDirectory()
    try:
        directory = StaffDirectory.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        directory.check(allow_private=allow_private)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(f"GUANXI_STAFF_FILE: {place}: {first['msg']}") from None
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"GUANXI_STAFF_FILE: cannot be read ({type(error).__name__})") from None
    except ValueError as error:
        raise SettingsError(f"GUANXI_STAFF_FILE: {error}") from None
    return directory
