"""A bundle's own program runs only when it is asked for, by a time and without the user's environment."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from submission_data import gaze_folder, good, zipped

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.files import checksum
from inkbench.submissions import score as scoring
from inkbench.submissions.bundle import bundle
from inkbench.submissions.command import command_of
from inkbench.submissions.reference import Asked, read_reference
from inkbench.submissions.score import score, score_with_bundle

DETAILS = {"metrics": {"cc": {"value": 0.25, "n": 4}}, "notes": []}
WRITES = """import json, os, sys
out = sys.argv[2]
json.dump(DETAILS, open(out + "/details.json", "w"))
open(out + "/items.csv", "w").write("id,cc\\n")
json.dump(dict(os.environ), open(TOLD, "w"))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A reference, its bundle in a folder, a flawless submission."""
    home = tmp_path_factory.mktemp("bundle")
    reference = read_reference(Asked(data=str(gaze_folder(home / "reference"))))
    bundle(reference, "codabench", home / "bundle")
    return reference, home / "bundle", zipped(home / "good.zip", good())


def with_program(made, target: Path, command: str, code: str = "") -> Path:
    shutil.copytree(made[1], target)
    for name in ("metadata", "metadata.yaml"):
        (target / "scoring_program" / name).write_text(command)
    if code:
        (target / "scoring_program" / "score.py").write_text(code)
    return target


@pytest.mark.seconds
def test_without_being_asked_the_built_in_scorer_judges(made, tmp_path, capsys):
    reference, _, submission = made
    path = with_program(made, tmp_path / "b", f"command: touch {tmp_path / 'PWNED'}")
    assert main(["submit", "score", str(submission), "--reference", str(path), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {name: of["value"] for name, of in score(submission, reference).metrics.items()}
    assert f"{path}: scored by the built-in scorer of saliency; --run-bundle runs the program in it instead" in said.err
    assert not (tmp_path / "PWNED").exists()


def test_a_command_runs_after_it_was_said_without_the_users_environment(made, tmp_path, monkeypatch, capsys):
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "SSH_AUTH_SOCK", "LD_PRELOAD"):
        monkeypatch.setenv(name, str(tmp_path))
    told = tmp_path / "environment.json"
    command = "command: python3 $program/score.py $input $output"
    path = with_program(
        made, tmp_path / "b", command, WRITES.replace("DETAILS", repr(DETAILS)).replace("TOLD", repr(str(told)))
    )
    assert main(["submit", "score", str(made[2]), "--reference", str(path), "--run-bundle", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"cc": 0.25}
    assert f"running the program of {path} for at most 600 s: python3" in said.err
    seen = json.loads(told.read_text())
    assert not {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "SSH_AUTH_SOCK", "LD_PRELOAD"} & set(seen)
    assert all("inkbench-score-" in seen[name] for name in ("HOME", "TMPDIR"))
    assert "PATH" in seen


@pytest.mark.seconds
def test_a_command_ends_in_time_and_so_does_all_that_it_started(made, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_SECONDS", 0.5)
    late = tmp_path / "late"
    path = with_program(made, tmp_path / "b", f"command: sh -c '(sleep 2; touch {late}) & sleep 60'")
    started = time.monotonic()
    with pytest.raises(UsageError, match=r"took more than 0\.5 s and was ended"):
        score_with_bundle(made[2], path, run_bundle=True)
    assert time.monotonic() - started < 30
    time.sleep(2.2)
    assert not late.exists()


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("command: ''", "", "has no command in metadata"),
        ("", "", "has no command in metadata"),
        ("command: [1]", "", "has no command in metadata"),
        ("command: 'unclosed \"'", "", "has no command in metadata"),
        ("- " * 5_000, "", "has no command in metadata"),
        ("command: no-such-program-anywhere", "", r"cannot be started \('no-such-program-anywhere'"),
        (
            "command: python3 $program/score.py",
            "pass",
            r"wrote no details.json that can be read \(there is no such file",
        ),
        ("command: python3 $program/score.py", "raise SystemExit(3)", "ended with status 3"),
        (
            "command: python3 $program/score.py $output",
            "import sys; open(sys.argv[1] + '/details.json', 'w').write('[' * 10**5)",
            r"wrote no details.json that can be read \(it holds no figures\)",
        ),
        (
            "command: python3 $program/score.py $output",
            "import os, sys; os.symlink('/etc/passwd', sys.argv[1] + '/details.json')",
            "wrote no details.json that can be read",
        ),
        (
            "command: python3 $program/score.py $output",
            "import os, sys; os.mkfifo(sys.argv[1] + '/details.json')",
            "wrote no details.json that can be read",
        ),
    ],
)
def test_what_a_command_does_wrong_is_a_refusal(made, tmp_path, capsys, command, code, message):
    path = with_program(made, tmp_path / "b", command, code)
    with pytest.raises(UsageError, match=message):
        score_with_bundle(made[2], path, run_bundle=True)
    assert main(["submit", "score", str(made[2]), "--reference", str(path), "--run-bundle"]) == 2
    assert capsys.readouterr().err.count("run_benchmark.py: ") == 1


def test_there_is_no_program_in_a_dataset(made, capsys):
    data = made[1].with_name("reference")
    assert main(["submit", "score", str(made[2]), "--reference", str(data), "--run-bundle"]) == 2
    assert "is no bundle's folder" in capsys.readouterr().err


def test_the_command_of_a_bundle_of_ours_is_read(made):
    assert command_of(made[1] / "scoring_program") == ["python3", "$program/score.py", "$input", "$output"]


@pytest.mark.parametrize(
    "changes",
    [{"task": "{folder}/evil.py:Evil"}, {"task": "os"}, {"task": ["saliency"]}, {"settings": []}, {"calibration": 1}],
)
def test_a_manifest_beside_a_zip_names_no_code_and_nothing_of_another_kind(made, tmp_path, capsys, changes):
    path, pwned = tmp_path / "x.zip", tmp_path / "PWNED"
    shutil.copy(made[2], path)
    (tmp_path / "evil.py").write_text(f"open({str(pwned)!r}, 'w')\nclass Evil:\n    name = 'evil'\n")
    told = {"zip": {"sha256": checksum(path.read_bytes())}, "task": "detection", "settings": {}, "calibration": {}}
    told |= {name: f"{tmp_path}/evil.py:Evil" if "{folder}" in str(value) else value for name, value in changes.items()}
    (tmp_path / "x.manifest.json").write_text(json.dumps(told))
    assert main(["submit", "check", str(path)]) == 0, "read as maps of saliency, as if there were no manifest"
    assert not pwned.exists()
    capsys.readouterr()


def test_a_manifest_that_is_a_pipe_is_not_waited_for(made, tmp_path, capsys):
    path = tmp_path / "x.zip"
    shutil.copy(made[2], path)
    os.mkfifo(tmp_path / "x.manifest.json")
    assert main(["submit", "check", str(path)]) == 0
    capsys.readouterr()
