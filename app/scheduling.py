"""Keep the plan: start each job in a process of its own when it is due, and end it at its limit.

One scheduler a home. It does no work itself and never opens the ledger: a job is a clipwarden that
takes the home's lock like any other. The plan is read once, at the start: a changed plan asks for
a restart.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
from apscheduler import events
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from app.home import held
from core.errors import SettingsWrong
from core.times import from_text, to_text
from schedules.plan import Job, load, missed, next_fires

ROOT = Path(__file__).resolve().parent.parent
GRACE_S = 20.0  # a child told to stop writes what it has; after this it is killed
STEP_S = 0.1  # how often a child is looked at
WAKE_S = 30.0  # a computer that slept or whose clock was set learns of it after this
LOG_BYTES = 4 * 1024 * 1024  # of a job's log and of the one before it: a child that babbles fills no disk

Argv = Callable[[Path, Job], Sequence[str]]
Say = Callable[[str], None]


def clipwarden(home: Path, job: Job) -> list[str]:
    """The command line of a job."""
    return [sys.executable, "-m", "app.cli", "--home", str(home), job.what]


def say(line: str) -> None:
    """A line on standard output, at once: a service manager reads along."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve(
    home: Path,
    plan_path: Path,
    *,
    stop: threading.Event | None = None,
    argv: Argv = clipwarden,
    say: Say = say,
    grace_s: float = GRACE_S,
) -> None:
    """Keep a plan until SIGTERM, SIGINT or `stop`; a running child is then ended, and runs again at the next start.

    raises  SettingsWrong for mistakes in the plan; Busy when another scheduler keeps this home
    """
    plan = load(plan_path)
    home = home.absolute()
    (home / "logs").mkdir(parents=True, exist_ok=True)
    stop = stop or threading.Event()
    told = f"another `clipwarden schedule` keeps {home}; stop it first"
    with held(home / "schedule.lock", told), _signals(stop):
        runner = _Runner(home, argv, say, stop, grace_s)
        scheduler = _scheduler(plan, runner, datetime.now(UTC))
        for fire in next_fires(plan, datetime.now(UTC)):
            say(f"{fire.job}: next at {to_text(fire.at)} ({fire.cron}, UTC): clipwarden {fire.what}")
        scheduler.start()  # until _stop_with shuts it down
    say("schedule: stopped")


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; in a thread, where Python takes no signals, the caller sets it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _scheduler(plan: Sequence[Job], runner: "_Runner", now: datetime) -> BlockingScheduler:
    """A scheduler with the plan's jobs, rebuilt at every start (docs/decisions/0004)."""
    # What goes wrong is said below in a line; its own log would say it again, with a traceback.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    # One worker: two jobs would only meet at the home's lock, and one of them would end there.
    scheduler = BlockingScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    for job in plan:
        last = runner.times.since(job.name, now)
        due = {"next_run_time": now} if missed(job, last, now) else {}
        if due:
            runner.say(f"{job.name}: missed since {to_text(last)}; runs once now")
        # No grace time: a fire is never too late, and APScheduler's own default is one second.
        scheduler.add_job(
            runner.run,
            job.trigger,
            args=[job],
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            **due,
        )
    scheduler.add_listener(lambda _: _stop_with(scheduler, runner.stop), events.EVENT_SCHEDULER_STARTED)
    scheduler.add_listener(
        lambda event: runner.say(f"{event.job_id}: still at it; this time is left out"), events.EVENT_JOB_MAX_INSTANCES
    )
    scheduler.add_listener(
        lambda event: runner.say(f"{event.job_id}: could not run: {event.exception!r}"), events.EVENT_JOB_ERROR
    )
    return scheduler


def _stop_with(scheduler: BlockingScheduler, stop: threading.Event) -> None:
    def follow() -> None:
        # It sleeps by a clock that stands still while the computer does.
        while not stop.wait(WAKE_S):
            scheduler.wakeup()
        scheduler.shutdown(wait=True)

    threading.Thread(target=follow, name="stop", daemon=True).start()


class _Times:
    """When each job last ran: HOME/schedule.json, written whole or not at all.

    Not in the ledger: that has one writer, and the job that is running is it. Losing the file costs
    no more than one catch-up.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else "{}"
            self.at = {str(name): from_text(at) for name, at in json.loads(text).items()}
        except (ValueError, AttributeError, TypeError):
            raise SettingsWrong(f"{path}: not as clipwarden wrote it; delete it, at the cost of one catch-up") from None

    def since(self, job: str, now: datetime) -> datetime:
        """When the job last ran; for a new one, now, so that being killed in its first run counts as missed."""
        if job not in self.at:
            self.save(job, now)
        return self.at[job]

    def save(self, job: str, at: datetime) -> None:
        """Note a run by when it started: what fell due while it went on is not covered by it."""
        self.at[job] = at
        unfinished = self.path.with_suffix(".json.tmp")
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump({name: to_text(when) for name, when in sorted(self.at.items())}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)


class _Runner:
    """Runs one job at a time, each in a session of its own."""

    def __init__(self, home: Path, argv: Argv, say: Say, stop: threading.Event, grace_s: float) -> None:
        self.home, self.argv, self.say, self.stop, self.grace_s = home, argv, say, stop, grace_s
        self.times = _Times(home / "schedule.json")

    def run(self, job: Job) -> None:
        """Start the job's child and see it to its end, its limit or ours."""
        if self.stop.is_set():
            return
        started_at, started = datetime.now(UTC), time.monotonic()
        log = self.home / "logs" / f"schedule-{job.name}.log"
        self.say(f"{job.name}: started at {to_text(started_at)}; log: {log}")
        with _child(self.argv(self.home, job), log) as process:
            finished = self._wait(process, started + job.limit_s)
            if not finished:
                _end(process, self.grace_s)
        took = f"after {time.monotonic() - started:.0f} s"
        if not finished and self.stop.is_set():
            self.say(f"{job.name}: cut short {took}; runs again at the next start")
            return  # not noted as a run: the next start finds it missed
        self.times.save(job.name, started_at)
        if not finished:
            self.say(f"{job.name}: stopped at its limit of {job.limit_s} s; raise it in the plan, or see {log}")
        else:
            self.say(f"{job.name}: ended with {process.returncode} {took}")

    def _wait(self, process: "subprocess.Popen[bytes]", deadline: float) -> bool:
        while not _ended(process):
            if time.monotonic() >= deadline or self.stop.wait(STEP_S):
                return _ended(process)
        return True


@contextmanager
def _child(argv: Sequence[str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A child in a session of its own, its output in its log; nothing of its group outlives this."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    writer = threading.Thread(target=_write_log, args=(process, log), daemon=True)
    writer.start()
    try:
        yield process
    finally:
        # The group before the child is reaped: afterwards its number may be somebody else's.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        writer.join(timeout=5)


def _write_log(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Follow the output until nobody holds the other end; keep the last of it."""
    assert process.stdout is not None  # noqa: S101 - we asked for the pipe
    file = log.open("ab")
    try:
        while chunk := os.read(process.stdout.fileno(), 65536):
            if file.tell() + len(chunk) > LOG_BYTES:
                file.close()
                log.replace(log.with_suffix(".log.1"))
                file = log.open("ab")
            file.write(chunk)
            file.flush()
    finally:
        file.close()
        process.stdout.close()


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the child is over, without reaping it: until then its group's number stays its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask the child's group once, give its whole family time, then kill what is left of it.

    A crawl has a session of its own inside the child's. It is not asked by us: it ends when its
    parent does, and a second SIGTERM would make it drop what it holds.
    """
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and not (_ended(process) and not any(map(_alive, family))):
        time.sleep(STEP_S)
    for relative in family:
        with suppress(psutil.NoSuchProcess):
            relative.kill()
    os.killpg(process.pid, signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
