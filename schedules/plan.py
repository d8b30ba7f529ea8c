"""The plan: which job is due when. Reads a plan file and answers questions about instants given to it.

Never reads a clock and never starts anything. Every time here is UTC.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import yaml
from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsWrong
from schedules.yaml_lines import Loc, line, twice

DEFAULT = Path(__file__).with_name("plan.yml")
UNITS_S = {"s": 1, "m": 60, "h": 3600}
CRON = ("second", "minute", "hour", "day", "month", "day_of_week")
SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)  # a leap year: what fires at all, fires within eight years of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line of the plan.

    cron      five fields in UTC, or six where the first counts seconds
    what      the clipwarden command it runs
    limit_s   seconds after which it is stopped
    """

    name: str
    cron: str
    what: str
    limit_s: int

    @property
    def trigger(self) -> CronTrigger:
        """When it fires, as APScheduler sees it."""
        return _trigger(self.cron)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """The next time a job fires."""

    job: str
    cron: str
    what: str
    at: datetime


def next_fires(plan: Sequence[Job], now: datetime) -> list[Fire]:
    """When each job fires next after `now`, the soonest first."""
    fires = [Fire(job=job.name, cron=job.cron, what=job.what, at=_after(job, now)) for job in plan]
    return sorted(fires, key=lambda fire: (fire.at, fire.job))


def missed(job: Job, last_run_at: datetime | None, now: datetime) -> bool:
    """Whether the job should have run since it last did; many missed fires are one.

    A job without a last run is new: nothing was due before it stood in the plan.
    """
    return last_run_at is not None and _after(job, last_run_at) <= now


def _after(job: Job, instant: datetime) -> datetime:
    # The trigger counts a fire at the instant itself; the one that just happened is not the next.
    fire: datetime = job.trigger.get_next_fire_time(None, instant + timedelta(microseconds=1))
    return fire.astimezone(UTC)


def _trigger(cron: str) -> CronTrigger:
    fields = cron.split()
    return CronTrigger(**dict(zip(CRON[-len(fields) :], fields, strict=True)), timezone=UTC)


# --------------------------------------------------------------- the plan file
def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) not in {5, 6}:
        raise ValueError('should be five fields, such as "0 */2 * * *", or six that begin with seconds')
    # cron calls Sunday 0, APScheduler calls Monday 0: a number would run on the wrong day.
    if re.search(r"(?<![/\w])\d", fields[-1]):
        raise ValueError("should name weekdays (mon, tue ...): as numbers they mean different days to different crons")
    if fields[-1] != "*" and fields[-3] != "*":
        raise ValueError("should give a day of the month or a weekday: crons differ on what both together mean")
    if _trigger(text).get_next_fire_time(None, SOME_DAY) is None:
        raise ValueError("never comes: no year has that day")
    return text


def _limit(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[smh]", text):
        raise ValueError("should be a whole number and a unit, such as 90s, 30m or 2h")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError("should be named with a-z, 0-9 and -: its log is called after it")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Job(_Part):
    cron: Annotated[str, AfterValidator(_cron)]
    what: Literal["run", "crawl", "fetch", "match", "find"] = "run"
    limit: Annotated[str, AfterValidator(_limit)]


class _File(_Part):
    jobs: dict[Annotated[str, AfterValidator(_name)], _Job] = Field(min_length=1)


def load(path: Path = DEFAULT) -> tuple[Job, ...]:
    """Read a plan file.

    raises   SettingsWrong, a line for each mistake: file:line: field: what is wrong
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise SettingsWrong(f"{path}: {error.strerror}; name a plan that can be read") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise SettingsWrong(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    mistakes: list[tuple[Loc, str]] = list(twice(root))
    file = None
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        mistakes += [(_loc(item["loc"]), item["msg"].removeprefix("Value error, ")) for item in error.errors()]
    if mistakes or file is None:
        lines = sorted({(line(root, loc), ".".join(map(str, loc)), message) for loc, message in mistakes})
        raise SettingsWrong("\n".join(f"{path}:{at}: {loc or 'file'}: {message}" for at, loc, message in lines))
    return tuple(_job(name, job) for name, job in file.jobs.items())


def _loc(loc: Loc) -> Loc:
    # pydantic calls a mistake in a key jobs.<name>.[key]; the file has no such field.
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _job(name: str, job: _Job) -> Job:
    limit_s = int(job.limit[:-1]) * UNITS_S[job.limit[-1]]
    return Job(name=name, cron=job.cron, what=job.what, limit_s=limit_s)
