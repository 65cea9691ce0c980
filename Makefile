# What one types while working on inkbench. Every target is a command of CONTRIBUTING.md; PYTHON names the interpreter.
PYTHON ?= python
OUT ?= build
.PHONY: setup check fast test slow docs docs-run speed release audit

setup:  ## install the clone with what tests and checks need, at the versions that it was last tested with
	$(PYTHON) -m pip install -c requirements/newest-3.11.txt -e '.[test,docs]'

check:  ## lint, format, types, and what must not be committed
	$(PYTHON) -m pre_commit run --all-files

fast:  ## the tests that start no command and take no seconds: under two minutes
	$(PYTHON) -m pytest -m "not command and not seconds and not slow and not soak and not gpu and not real_data"

test:  ## the suite: under ten minutes on two quiet cores
	$(PYTHON) -m pytest

slow:  ## what takes minutes, and what reads real comics: two devices, drawn samples, checkpoints
	$(PYTHON) -m pytest -m "slow or real_data"

docs:  ## the pages as a site, strictly: no link without its target
	$(PYTHON) -m mkdocs build --strict --site-dir $(OUT)/site

docs-run:  ## every documented command at smoke over one results folder; goes on where it was
	$(PYTHON) tests/docs_run.py --out $(OUT)/docs-run

speed:  ## ratios of times, each measured in one run, on a quiet machine
	$(PYTHON) -m pytest tests/speed -n 0

audit:  ## known vulnerabilities of the pinned versions; skipped, and says so, where the database is out of reach
	$(PYTHON) .ci/audit

release:  ## bare environments of the oldest and the newest Python at hand, newest and lowest dependencies: a wheel, a run
	.ci/release
