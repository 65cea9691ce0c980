"""A plan holds no networks: its memory grows by kilobytes a run, whatever the backbone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PEAKS = """
import json, resource, sys
from pathlib import Path
import plan_matrix
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.planning import planner

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

asked = plan_matrix.request(
    Path(sys.argv[1]), "smoke", "resnet18", methods=("jigsaw", "simclr"), tasks=("detection",), protocols=("frozen",)
)
data = open_dataset("synth", "smoke", (), asked.results)
found = {}
for seeds in (1, 10, 100, 1000):
    plan = planner.make(asked.model_copy(update={"seeds": seeds}), plan_matrix.device(), data, data)
    found[seeds] = len(plan.experiments), peak_kib()
print(json.dumps(found))
"""


@pytest.mark.slow
def test_the_memory_of_a_plan_is_flat_over_a_thousand_seeds(tmp_path):
    """One resnet18 takes 45 MiB: a plan that kept each seed's would pass the bound at the second."""
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, tmp_path], cwd=TESTS, capture_output=True, text=True, check=True, timeout=500
    )
    found = {int(seeds): told for seeds, told in json.loads(done.stdout.splitlines()[-1]).items()}
    print(found)
    runs = {seeds: count for seeds, (count, _) in found.items()}
    assert runs == {seeds: 3 * seeds + 1 for seeds in (1, 10, 100, 1000)}
    grown = {seeds: (peak - found[1][1]) / 1024 for seeds, (_, peak) in found.items()}
    assert grown[10] < 4
    assert grown[100] < 8
    assert grown[1000] < 48
