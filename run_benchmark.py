"""The entry: nothing but a call of benchmark.cli."""

import sys

if __name__ == "__main__":
    try:
        from inkbench.benchmark.cli.main import main
    except KeyboardInterrupt:
        print("interrupted; run the same command to resume", file=sys.stderr)
        sys.exit(130)
    sys.exit(main(sys.argv[1:]))
