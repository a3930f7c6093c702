"""One Apache Kafka broker in KRaft mode on loopback, from Maven Central's jars."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from iacs.testing.servers import ServerMissingError
from iacs.testing.servers.lock import locked

_HERE = Path(__file__).parent
_HOW = (
    "install a JDK 17 or newer and Maven (Debian: apt-get install default-jdk-headless maven), "
    "or set IACS_TEST_KAFKA_BOOTSTRAP_SERVERS"
)
_START_SECONDS = 60.0
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners={listeners},CONTROLLER://{controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=1@{controller}
log.dirs={data}
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
# A broker that was killed may restart once its session has expired: after 9 s by default.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ServerMissingError(f"Apache Kafka needs {name}, which is not on the PATH: {_HOW}")
    return path


def _jars(cache: Path) -> Path:
    """Return the folder of the broker's jars; fetched once for each change of pom.xml."""
    libs, stamp, pom = cache / "libs", cache / "pom.xml", _HERE / "pom.xml"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        if stamp.exists() and stamp.read_bytes() == pom.read_bytes():
            return libs
        stamp.unlink(missing_ok=True)
        shutil.rmtree(libs, ignore_errors=True)
        command = [_tool("mvn"), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command += [f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise ServerMissingError(
                f"Maven could not fetch Apache Kafka: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        shutil.copyfile(pom, stamp)
    return libs


def _free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


class KafkaBroker:
    """A broker over a folder, which is formatted when new and keeps its records; `start` chooses new ports.

    `listeners` names further listeners with their security protocols; `addresses` has `host:port` of each by name.
    The jars (43 MB) are fetched once, into `cache`.
    """

    def __init__(
        self,
        folder: Path,
        properties: str = "",
        *,
        cache: Path,
        listeners: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._cache = cache.absolute()
        self._more_properties = properties
        self._protocols = {"PLAINTEXT": "PLAINTEXT", **(listeners or {})}
        self.addresses: Mapping[str, str] = {}
        self.log = self.folder / "broker.log"
        self.bootstrap = ""
        self._keeper: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def start(self, *, stdin: int = subprocess.PIPE, discard: bool = False) -> None:
        """Return when the broker serves; it ends with `stdin`, and with `discard` its folder too.

        Raises ServerMissingError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(3):  # another process may take a port between the choice and the start
            self._write_properties(*_free_addresses(len(self._protocols) + 1))
            if self._run(stdin, discard=discard):
                return
        raise ServerMissingError(f"Apache Kafka did not start; see {self.log}\n{self._tail()}")

    def _write_properties(self, controller: str, *addresses: str) -> None:
        data, properties = self.folder / "data", self.folder / "server.properties"
        self.addresses = dict(zip(self._protocols, addresses, strict=True))
        text = _PROPERTIES.format(
            listeners=",".join(f"{name}://{address}" for name, address in self.addresses.items()),
            protocols=",".join(f"{name}:{protocol}" for name, protocol in self._protocols.items()),
            controller=controller,
            data=data,
        )
        properties.write_text(text + self._more_properties)
        self.bootstrap = self.addresses["PLAINTEXT"]
        if not (data / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        identity = self._storage_tool("random-uuid").strip().splitlines()[-1]
        self._storage_tool("format", "-t", identity, "-c", str(self.folder / "server.properties"))

    def _java(self) -> list[str]:
        java, jars = _tool("java"), _jars(self._cache)
        return [
            java,
            "-Xmx512m",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}",
            "-cp",
            f"{jars}/*",
        ]

    def _storage_tool(self, *arguments: str) -> str:
        command = [*self._java(), "kafka.tools.StorageTool", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise ServerMissingError(f"Kafka's storage tool failed: {done.stdout}{done.stderr}")
        return done.stdout

    def _run(self, stdin: int, *, discard: bool) -> bool:
        command = [sys.executable, str(_HERE / "keep.py"), str(self.log), str(self.folder) if discard else ""]
        command += [*self._java(), "kafka.Kafka", str(self.folder / "server.properties")]
        log_start = self.log.stat().st_size if self.log.exists() else 0
        # A session of its own: Ctrl-C in the terminal must not stop the broker before its users.
        keeper = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, start_new_session=True)
        self._keeper = keeper
        if keeper.stdout is not None:
            with keeper.stdout as lines:
                self._pid = int(lines.readline())
        return self._wait_until_serving(keeper, log_start)

    def _wait_until_serving(self, keeper: "subprocess.Popen[bytes]", log_start: int) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while keeper.poll() is None and time.monotonic() < deadline:
            with self.log.open("rb") as log:
                log.seek(log_start)
                if b"Kafka Server started" in log.read():
                    return True
            time.sleep(0.05)
        self.stop()
        return False

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def restart(self, *, empty: bool = False) -> None:
        """Start again on the same ports; with `empty`, as a new cluster without topics."""
        if empty:
            shutil.rmtree(self.folder / "data")
            self._format()
        if not self._run(subprocess.PIPE, discard=False):
            raise ServerMissingError(f"Apache Kafka did not start again; see {self.log}\n{self._tail()}")

    def kill(self) -> None:
        """Kill the broker, as a power cut would."""
        os.kill(self._pid, signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """Freeze the broker: its connections stay open, and it answers nothing."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker continue."""
        os.kill(self._pid, signal.SIGCONT)

    def stop(self) -> None:
        """Shut the broker down; safe to call twice."""
        self._reap()

    def disown(self) -> None:
        """Leave the broker to the process that holds the other end of its standard input."""
        if self._keeper is not None:
            self._keeper.returncode = 0  # else Python warns that the process still runs
            self._keeper = None

    def _reap(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        if keeper.stdin is not None:
            keeper.stdin.close()
        keeper.wait(30)


@contextmanager
def kafka_broker(folder: Path, *, cache: Path) -> Iterator[str]:
    """Yield `host:port` of a broker over `folder`, whose records are kept."""
    broker = KafkaBroker(folder, cache=cache)
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()
