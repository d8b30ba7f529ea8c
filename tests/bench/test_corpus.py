"""The bench's halves: what is tuned on and what is published never meet."""

from pathlib import Path

import pytest

from bench.corpus import Material, material, scene


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of empty files: the plan reads names only."""
    videos = [f"clip{n:02d}.mp4" for n in range(12)] + ["learning-area__pig.mp4", "learning-area__elf.mp4"]
    videos += ["dom-examples__video.mp4", "shared-assets__friday.mp4", "moviepy__bunny.mp4", "scikit__bigbuckbunny.mp4"]
    stills = [f"img_{n:03d}_photo.jpg" for n in range(100)]
    for folder, names in (("videos", videos), ("images", stills)):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path


def shown(half: Material) -> set[str]:
    """Every scene that a half's references and queries show, backgrounds too."""
    files = [*half.references, *(job.source for job in half.jobs), *(job.other for job in half.jobs if job.other)]
    return {scene(file.name) for file in files}


def test_report_references_are_not_seen_while_tuning(corpus: Path) -> None:
    """No scene of the published references is anywhere in the half that is tuned on."""
    references = {scene(file.name) for file in material(corpus, "report").references}

    assert references & shown(material(corpus, "tune")) == set()


def test_takes_of_one_shoot_stay_together(corpus: Path) -> None:
    """Two cuts of one film, or two things on one table, are never reference and stranger."""
    halves = [material(corpus, half) for half in ("tune", "report")]
    scenes = [{scene(file.name) for file in half.references} for half in halves]

    assert ("learning-area__" in scenes[0], "learning-area__" in scenes[1], scenes[0] & scenes[1]) == (
        True,
        False,
        set(),
    )


@pytest.mark.parametrize("half", ["tune", "report"])
def test_strangers_show_no_reference(corpus: Path, half: str) -> None:
    """A stranger, and what a copy is laid over, is of no scene that is a reference."""
    wanted = material(corpus, half)
    references = {scene(file.name) for file in wanted.references}
    strangers = {scene(job.source.name) for job in wanted.jobs if job.truth is None}
    backgrounds = {scene(job.other.name) for job in wanted.jobs if job.other}

    assert (bool(strangers), bool(backgrounds), references & (strangers | backgrounds)) == (True, True, set())


@pytest.mark.parametrize("half", ["tune", "report"])
def test_queries_have_names_of_their_own(corpus: Path, half: str) -> None:
    """No query overwrites another."""
    names = [job.name for job in material(corpus, half).jobs]

    assert len(names) == len(set(names))
