"""Run a command with real servers: python -m tests.servers [--kafka FOLDER] [--postgresql FOLDER] -- COMMAND …

The servers keep their data in these folders, and are stopped when the command ends, however it ends. The
command receives their addresses in KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; its exit code is passed on.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from iacs.testing.servers import ServerMissingError

KAFKA_CACHE = Path(__file__).parents[2] / ".cache" / "kafka"
_GRACE = 15.0


def main(arguments: Sequence[str]) -> int:
    """Return the command's exit code, or 1 with a sentence when a server is missing."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as stack:
            return _run(options.command, _start(stack, options))
    except ServerMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("--kafka", type=Path, metavar="FOLDER")
    parser.add_argument("--postgresql", type=Path, metavar="FOLDER")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _start(stack: ExitStack, options: argparse.Namespace) -> dict[str, str]:
    """Return the settings that name the servers; a server's module is imported only when it is requested."""
    settings = dict[str, str]()
    if options.kafka is not None:
        from iacs.testing.servers.kafka import kafka_broker

        broker = kafka_broker(options.kafka, cache=KAFKA_CACHE)
        settings["KAFKA_BOOTSTRAP_SERVERS"] = stack.enter_context(broker)
    if options.postgresql is not None:
        from iacs.testing.servers.postgresql import postgresql_server

        settings["DATABASE_URL"] = stack.enter_context(postgresql_server(options.postgresql))
    return settings


def _run(command: Sequence[str], settings: Mapping[str, str]) -> int:
    with subprocess.Popen(command, env=os.environ | settings) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
    return code if code >= 0 else 128 - code


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let the command end by itself: on Ctrl-C it was interrupted too, on SIGTERM it is terminated here."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
