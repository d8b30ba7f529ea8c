"""The scheduler on real clocks, real signals and real child processes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from app import scheduling
from app.scheduling import clipwarden, serve
from core.errors import Busy, SettingsWrong
from core.times import to_text
from schedules.plan import Job

ROOT = Path(__file__).resolve().parents[2]
EVERY_SECOND, NEVER_TODAY = "* * * * * *", "0 0 29 2 *"
QUICK = "open('ran', 'a').write('x')"
PATIENT = "open('ran', 'a').write('x'); import time; time.sleep(60)"
# A child that ignores SIGTERM, with one grandchild in its group and one in a session of its own.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-S", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
mine = [subprocess.Popen(sleep, start_new_session=apart).pid for apart in (False, True)]
open("pids", "w").write(" ".join(map(str, [os.getpid(), *mine])))
open("ran", "a").write("x")
time.sleep(60)
"""


@dataclass
class Running:
    """A scheduler in a thread: what it said, and how to stop it."""

    home: Path
    said: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def runs(self) -> int:
        """How many children have begun."""
        path = self.home / "ran"
        return len(path.read_text()) if path.exists() else 0

    def told(self, text: str) -> bool:
        """Whether a line with this text was said."""
        return any(text in line for line in self.said)


def child(script: str) -> scheduling.Argv:
    """A child that runs a script in the home."""
    return lambda home, _: [sys.executable, "-S", "-c", f"import os; os.chdir({str(home)!r})\n{script}"]


def plan(home: Path, cron: str, limit: str = "30s", *names: str) -> Path:
    path = home / "plan.yml"
    jobs = {name: {"cron": cron, "what": "run", "limit": limit} for name in names or ("crawl",)}
    path.write_text(json.dumps({"jobs": jobs}))
    return path


def last_run(home: Path, at: datetime, *names: str) -> None:
    (home / "schedule.json").write_text(json.dumps({name: to_text(at) for name in names or ("crawl",)}))


@contextmanager
def serving(home: Path, plan_path: Path, script: str, grace_s: float = 0.5) -> Iterator[Running]:
    running = Running(home)
    wanted = {"stop": running.stop, "argv": child(script), "say": running.said.append, "grace_s": grace_s}
    thread = threading.Thread(target=serve, args=(home, plan_path), kwargs=wanted)
    thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def until(met: Callable[[], bool], within_s: float = 8) -> bool:
    deadline = time.monotonic() + within_s
    while not met() and time.monotonic() < deadline:
        time.sleep(0.02)
    return met()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=3000)


def test_job_runs_at_each_fire(tmp_path: Path) -> None:
    """A job of every second runs every second."""
    with serving(tmp_path, plan(tmp_path, EVERY_SECOND), QUICK) as running:
        assert until(lambda: running.runs >= 2)


def test_missed_runs_become_one(tmp_path: Path) -> None:
    """Eight years of missed fires are caught up for by one run, at the start."""
    last_run(tmp_path, long_ago())
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY), QUICK) as running:
        until(lambda: running.told("ended with 0"))
        time.sleep(1)

    assert running.runs == 1


def test_catch_up_is_not_repeated(tmp_path: Path) -> None:
    """A second start finds nothing missed: the first one's catch-up was noted."""
    last_run(tmp_path, long_ago())
    for _ in range(2):
        with serving(tmp_path, plan(tmp_path, NEVER_TODAY), QUICK) as running:
            until(lambda: running.told("ended with 0"), within_s=1)

    assert running.runs == 1


def test_new_job_waits_for_its_time(tmp_path: Path) -> None:
    """A job that never ran has missed nothing, and says when it will run."""
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY), QUICK) as running:
        time.sleep(0.5)

    assert (running.runs, running.said[0][:15]) == (0, "crawl: next at ")


def test_jobs_of_a_home_do_not_overlap(tmp_path: Path) -> None:
    """Two jobs due at once run one after the other: both want the home's lock."""
    last_run(tmp_path, long_ago(), "a", "b")
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY, "30s", "a", "b"), QUICK) as running:
        until(lambda: running.runs == 2)
        until(lambda: sum("ended with" in line for line in running.said) == 2)

    assert [line.split()[1] for line in running.said if "started" in line or "ended" in line] == [
        "started",
        "ended",
        "started",
        "ended",
    ]


def test_long_job_is_not_started_twice(tmp_path: Path) -> None:
    """Fires that come while a job is still at work are left out, and said."""
    with serving(tmp_path, plan(tmp_path, EVERY_SECOND), PATIENT) as running:
        until(lambda: running.told("left out"))

    assert (running.runs, running.told("left out")) == (1, True)


def test_overrunning_child_is_killed_with_its_family(tmp_path: Path) -> None:
    """At its limit a child ends, even one that ignores SIGTERM, and whatever it started ends with it."""
    last_run(tmp_path, long_ago())
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY, "1s"), STUBBORN) as running:
        until(lambda: running.told("stopped at its limit of 1 s"))
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        ended = [gone(pid) for pid in pids]

    assert (running.told("stopped at its limit of 1 s"), ended) == (True, [True, True, True])


def test_child_that_ends_leaves_nobody_behind(tmp_path: Path) -> None:
    """A process that a finished child forgot is killed with the child's group."""
    forgets = STUBBORN.replace("(False, True)", "(False,)").replace("\ntime.sleep(60)\n", "\n")
    last_run(tmp_path, long_ago())
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY), forgets) as running:
        until(lambda: running.told("ended with 0"))
        forgotten = int((tmp_path / "pids").read_text().split()[1])

        assert until(lambda: gone(forgotten))


def test_run_cut_short_is_run_again(tmp_path: Path) -> None:
    """A stop ends the child; its run does not count, so the next start makes it up."""
    last_run(tmp_path, long_ago())
    path = plan(tmp_path, NEVER_TODAY)
    with serving(tmp_path, path, PATIENT) as first:
        until(lambda: first.runs == 1)
    with serving(tmp_path, path, QUICK) as second:
        until(lambda: second.told("ended with 0"))

    assert (first.told("cut short"), second.told("missed since"), second.runs) == (True, True, 2)


def test_second_scheduler_is_refused(tmp_path: Path) -> None:
    """One home, one scheduler: two would run everything twice."""
    path = plan(tmp_path, NEVER_TODAY)
    with serving(tmp_path, path, QUICK) as running:
        until(lambda: bool(running.said))
        with pytest.raises(Busy, match="another `clipwarden schedule`"):
            serve(tmp_path, path, stop=threading.Event())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_within_seconds(tmp_path: Path, number: signal.Signals) -> None:
    """A service manager's stop, or Ctrl-C, ends child and scheduler, exit code 0."""
    last_run(tmp_path, long_ago())
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from app.scheduling import serve
        argv = [sys.executable, "-S", "-c", "import os; os.chdir({str(tmp_path)!r})\\n" + {STUBBORN!r}]
        serve(Path({str(tmp_path)!r}), Path({str(plan(tmp_path, NEVER_TODAY))!r}), argv=lambda *_: argv, grace_s=0.5)
        """
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        until((tmp_path / "pids").exists)
        until((tmp_path / "ran").exists)
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=6)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    assert (process.returncode, "cut short" in out, [gone(pid) for pid in pids]) == (0, True, [True] * 3)


def test_log_keeps_the_last_of_a_child_that_babbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log and the one before it stay under their size; the end of the output is there."""
    monkeypatch.setattr(scheduling, "LOG_BYTES", 200_000)
    last_run(tmp_path, long_ago())
    babble = QUICK + "\nfor n in range(20_000): print('word ' * 10)\nprint('the end')"
    with serving(tmp_path, plan(tmp_path, NEVER_TODAY), babble) as running:
        until(lambda: running.told("ended with 0"))
    logs = tmp_path / "logs"
    log, before = logs / "schedule-crawl.log", logs / "schedule-crawl.log.1"

    assert (log.read_text().endswith("the end\n"), log.stat().st_size + before.stat().st_size <= 400_000) == (
        True,
        True,
    )


def test_child_that_cannot_start_is_said(tmp_path: Path) -> None:
    """A job that breaks on our side is a line, and the scheduler goes on."""
    last_run(tmp_path, long_ago())
    running = Running(tmp_path)
    wanted = {"stop": running.stop, "argv": lambda *_: [str(tmp_path / "absent")], "say": running.said.append}
    thread = threading.Thread(target=serve, args=(tmp_path, plan(tmp_path, NEVER_TODAY)), kwargs=wanted)
    thread.start()
    told = until(lambda: running.told("crawl: could not run: FileNotFoundError"))
    running.stop.set()
    thread.join(timeout=10)

    assert told


def test_broken_memory_of_runs_says_what_to_do(tmp_path: Path) -> None:
    """A schedule.json that is not ours is never read as "nothing was missed"."""
    (tmp_path / "schedule.json").write_text('["crawl"]')

    with pytest.raises(SettingsWrong, match="delete it"):
        serve(tmp_path, plan(tmp_path, NEVER_TODAY), stop=threading.Event())


def test_command_is_a_clipwarden_on_the_same_home() -> None:
    """The child is this Python's clipwarden, on this home."""
    job = Job(name="crawl", cron=NEVER_TODAY, what="run", limit_s=1)

    assert clipwarden(Path("/home"), job) == [sys.executable, "-m", "app.cli", "--home", "/home", "run"]
