# What one types while working on inkbench. Every target is a command of CONTRIBUTING.md; PYTHON names the interpreter.
PYTHON ?= python
.PHONY: setup check fast test slow

setup:  ## install the clone with what tests and checks need
	$(PYTHON) -m pip install -e '.[test]'

check:  ## lint, format, types, and what must not be committed
	$(PYTHON) -m pre_commit run --all-files

fast:  ## the tests that start no command and no training: under two minutes
	$(PYTHON) -m pytest -m "not command and not slow and not gpu and not real_data"

test:  ## the suite: under ten minutes on two quiet cores
	$(PYTHON) -m pytest

slow:  ## what takes minutes, and what reads real comics: two devices, drawn samples, checkpoints
	$(PYTHON) -m pytest -m "slow or real_data"
