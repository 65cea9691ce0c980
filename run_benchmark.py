"""The entry: nothing but a call of benchmark.cli. Any Python from 3.8 on reads it, to say what is missing."""

import os
import sys


def _interrupted(*_: object) -> None:
    """End at once: nothing has begun, and what is being imported must not turn it into something else."""
    try:
        os.write(2, b"interrupted; run the same command to resume\n")
    finally:
        os._exit(130)


if __name__ == "__main__":
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupted)
        from inkbench.benchmark.cli.needs import start

        status = start(sys.argv[1:])
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done
    except KeyboardInterrupt:
        _interrupted()
    sys.exit(status)
