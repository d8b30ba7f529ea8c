"""The cascade: spend little on every post, and more on those where it pays.

Words and labels first; then the lowest rendition that serves, looked at sparsely; the whole plan for what
matched, came near, or is a hit by its words; the best rendition for proved copies. Each step is kept by
the ledger: a kill between two of them loses and doubles nothing. Thumbnails are not asked for.
"""

from app import finding, stages
from app.home import Home
from app.matching import fingerprints, match_files, reference_bank
from app.progress import track
from app.stages import due, now, tally
from matchers import near
from matchers.method import Bank, methods
from store import passes

STAGES = ("fingerprint", "match", "sweep", "near")
LOOKS = 2  # the first, and a closer one


def look(home: Home) -> bool:
    """Fingerprint and compare what is due, then what the first look says needs a closer one.

    returns  whether anything was looked at: then there may be something new to find
    """
    for turn in range(LOOKS):
        if not any(home.ledger.count_pending(stage, now=now()) for stage in STAGES):
            return turn > 0
        stages.fingerprint_files(home)
        stages.read_all_marks(home)
        banks: dict[str, Bank] = {}  # what compared a file knows how near it came
        match_files(home, banks)
        ask_closer(home, banks)
    return True


def ask_closer(home: Home, banks: dict[str, Bank]) -> dict[str, int]:
    """Ask for a closer look at each file that came near something. Returns how many were compared, and are near.

    banks   method -> the bank that compared the files, where there is one
    """
    ledger, known, counts = home.ledger, methods(), {"compared": 0, "near": 0}
    with track("closer", ledger.count_pending("near", now=now())) as progress:
        for sha256, name in due(ledger, "near"):
            if passes.looked_at_whole(ledger, sha256):  # asked for since this page of work was read
                continue
            if name in near.METHODS and name not in banks:
                banks[name] = reference_bank(ledger, known[name])
            close = name in banks and near.near(banks[name], sha256, fingerprints(ledger, known[name], sha256))
            passes.save_near(ledger, sha256, name, known[name].version, near=close, at=now())
            counts["compared"] += 1
            counts["near"] += close
            progress.step(note=tally(counts))
    return counts


def look_and_find(home: Home) -> None:
    """From files to findings, and to the originals of proved copies."""
    for _ in range(LOOKS):  # a hit by its file's marks is looked at more closely, and judged again
        looked = look(home)
        finding.find(home)
        if not looked:
            break
    if any(stages.fetch_originals(home).values()):
        stages.read_all_marks(home)
        finding.find(home)
