"""What `insure.floors` promises: below which length a subject's sources see nothing, stated beside the history."""

import shutil
from pathlib import Path

import pytest

from insure.dataset import default_folder, experience_frames, load
from insure.engine import fit_model
from insure.errors import DatasetError
from insure.floors import FILE, HEADER, parse_floors
from insure.model_tables import fit_facts

NOW = 1_795_305_600
ARBITRUM = "eip155:42161"


def test_a_floor_reaches_the_fit_and_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(default_folder(), folder)
    (folder / FILE).write_text(f"{HEADER}\n{ARBITRUM},3600,a monitor that asks every hour\n")
    history = load(folder)
    subjects, _ = experience_frames(history, NOW)
    assert subjects.set_index("subject_id").at[ARBITRUM, "floor_seconds"] == 3600.0
    assert history.fingerprint != load().fingerprint
    model = fit_model(history, NOW)
    assert 0.5 < model.experience.subjects.at[ARBITRUM, "detected"] < 1.0
    assert fit_facts(model)["counted"]["subjects_by_floor_seconds"]["3600"] == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("svc:nobody,60,x", "floors.csv:2:subject: 'svc:nobody' is not an id in subjects.csv"),
        (f"{ARBITRUM},long,x", "floors.csv:2:floor_seconds: 'long' is not a whole number of seconds"),
        (f"{ARBITRUM},86400,x", "floors.csv:2:floor_seconds: '86400' must be at least 1 and below 86400"),
        (f"{ARBITRUM},60,", "floors.csv:2:source: is empty: must be given"),
        (f"{ARBITRUM},60,x\n{ARBITRUM},90,x", f"floors.csv:3:subject: '{ARBITRUM}' occurs twice: must have one floor"),
    ],
)
def test_what_is_no_floor_is_refused_with_file_line_and_column(line: str, problem: str) -> None:
    with pytest.raises(DatasetError) as raised:
        parse_floors(f"{HEADER}\n{line}\n".encode(), {ARBITRUM})
    assert str(raised.value) == problem
