"""The entry: nothing but a call of benchmark.cli."""

import sys

from inkbench.benchmark.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
