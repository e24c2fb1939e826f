#!/usr/bin/env python3
"""One Kafka broker on loopback: free ports, a temporary folder, gone when the test is.

broker.py start|stop [VERSION]   one by hand: in the background, its address on standard output
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certificates import Certificates  # noqa: E402
from process import free_ports, spawn, tail, until  # noqa: E402
from proxy import Proxy  # noqa: E402
from wire import set_scram_password  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERSIONS = ("3.9.1", "4.1.0")
CLUSTER = "cm9vdG5vdGUtdGVzdHMtMA"
START_MAX = 60  # seconds
USER, PASSWORD = "rootnote", "s3cret:with#odd{characters}"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
log.dirs={folder}/data
num.partitions=1
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
offsets.topic.num.partitions=2
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
file.delete.delay.ms=1000
log.cleaner.dedupe.buffer.size=4194304
"""
SASL = """
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
"""
TLS = """
ssl.keystore.type=PEM
ssl.keystore.location={certificates.server_keystore}
ssl.truststore.type=PEM
ssl.truststore.location={certificates.ca}
"""
# Who comes through the plain listener may do everything: that is the test itself.
ACLS = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class Broker:
    """A broker of `version`. `address` is the plain listener; `proxies[i]` are Proxy, each with a listener of its own.

    sasl: a listener `sasl` with every mechanism for USER; tls: `tls`, and with both `sasl_tls`: addresses[name].
    acls: only what is granted, except through the plain listener and the proxies.
    """

    def __init__(self, version, *, folder=None, proxies=0, sasl=False, tls=False, acls=False, detached=False,
                 properties=None):
        self.version, self.detached = version, detached
        self.libs = os.path.join(ROOT, "build", "kafka", version, "libs")
        if not os.path.isdir(self.libs):
            raise AssertionError(f"{self.libs} is missing: scripts/kafka-jars fetches it")
        self.temporary = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix=f"kafka-{version}-")
        os.makedirs(self.folder, exist_ok=True)
        self.log = os.path.join(self.folder, "broker.log")
        self.process, self.frozen = None, False
        atexit.register(self.close)
        self.certificates = Certificates(os.path.join(self.folder, "tls")) if tls else None
        self.properties = dict(properties or {})
        self.options = (sasl, tls, acls)
        self.proxies = [Proxy() for _ in range(proxies)]
        self._lay_out()
        self._format()
        self.start()
        if sasl:
            set_scram_password(self.address, USER, PASSWORD)

    def _lay_out(self):
        """Ports, listeners and server.properties: the same for the broker's whole life."""
        sasl, tls, acls = self.options
        names = ["DIRECT"] + [f"PROXY{i}" for i in range(len(self.proxies))]
        names += ["SASL"] * sasl + ["TLS"] * tls + ["SASL_TLS"] * (sasl and tls)
        protocols = {"SASL": "SASL_PLAINTEXT", "TLS": "SSL", "SASL_TLS": "SASL_SSL"}
        ports = dict(zip(names, free_ports(len(names) + 1)))
        controller = next(port for port in free_ports(len(names) + 2) if port not in ports.values())
        advertised = dict(ports)
        for i, proxy in enumerate(self.proxies):
            proxy.open(ports[f"PROXY{i}"])
            advertised[f"PROXY{i}"] = proxy.port
        self.address = f"127.0.0.1:{ports['DIRECT']}"
        self.addresses = {name.lower(): f"127.0.0.1:{port}" for name, port in advertised.items()}
        text = PROPERTIES + SASL * sasl + TLS * tls + ACLS * acls
        text = text.format(controller=controller, folder=self.folder, certificates=self.certificates)
        lines = [text, "listeners=" + ",".join([f"{name}://127.0.0.1:{port}" for name, port in ports.items()] +
                                               [f"CONTROLLER://127.0.0.1:{controller}"]),
                 "advertised.listeners=" + ",".join(f"{name}://127.0.0.1:{port}" for name, port in advertised.items()),
                 "listener.security.protocol.map=CONTROLLER:PLAINTEXT," +
                 ",".join(f"{name}:{protocols.get(name, 'PLAINTEXT')}" for name in names)]
        for name in ("sasl",) * sasl + ("sasl_tls",) * (sasl and tls):
            package = "org.apache.kafka.common.security"
            lines.append(f"listener.name.{name}.plain.sasl.jaas.config={package}.plain.PlainLoginModule required "
                         f"user_{USER}=\"{PASSWORD}\";")
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                lines.append(f"listener.name.{name}.{mechanism}.sasl.jaas.config="
                             f"{package}.scram.ScramLoginModule required;")
        lines += [f"{key}={value}" for key, value in self.properties.items()]
        self.configuration = os.path.join(self.folder, "server.properties")
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _java(self, *arguments):
        return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
                "-cp", os.path.join(self.libs, "*"), *arguments]

    def _format(self):
        if os.path.exists(os.path.join(self.folder, "data", "meta.properties")):
            return
        done = subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.configuration),
                              capture_output=True, encoding="utf-8", timeout=START_MAX, check=False)
        if done.returncode != 0:
            raise AssertionError(f"Kafka {self.version} cannot be formatted:\n{(done.stdout + done.stderr)[-2000:]}")

    # Life

    def start(self):
        """Starts it, also again after stop() or kill(), and returns when it answers."""
        self.process = spawn(self._java("kafka.Kafka", self.configuration), log=self.log, detached=self.detached)
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})

        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"Kafka {self.version} ended with {self.process.returncode}:\n{tail(self.log)}")
            try:
                return admin.list_topics(timeout=2).brokers
            except KafkaException:
                return False

        began = time.monotonic()
        until(answers, START_MAX, lambda: f"Kafka {self.version} answers\n{tail(self.log)}")
        return time.monotonic() - began

    def stop(self):
        """As an operator stops it: SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def _end(self, how):
        if self.process is None or self.process.poll() is not None:
            return
        if self.frozen:
            self.thaw()
        self.process.send_signal(how)
        try:
            self.process.wait(START_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"Kafka {self.version} did not stop:\n{tail(self.log)}") from None

    def close(self):
        """Ends it at once; a temporary folder goes too."""
        if self.detached:
            return
        self.kill()
        for proxy in self.proxies:
            proxy.close()
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print(f"--- log of Kafka {self.version}\n{tail(self.log)}---", file=sys.stderr)
        self.close()


# By hand: make kafka, make kafka-stop

def running(folder):
    """(process id, address) of the broker in `folder`, if there is one."""
    try:
        with open(os.path.join(folder, "running"), encoding="utf-8") as file:
            pid, address = file.read().split()
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            if os.path.join(folder, "server.properties") in file.read():
                return int(pid), address
    except (OSError, ValueError):
        pass
    return None


def start_by_hand(folder, version):
    found = running(folder)
    if not found:
        shutil.rmtree(folder, ignore_errors=True)
        broker = Broker(version, folder=folder, detached=True, properties={"auto.create.topics.enable": "true"})
        found = broker.process.pid, broker.address
        with open(os.path.join(folder, "running"), "w", encoding="utf-8") as file:
            file.write(f"{found[0]} {found[1]}\n")
    print(found[1])


def stop_by_hand(folder):
    found = running(folder)
    if found:
        os.kill(found[0], signal.SIGTERM)
        until(lambda: not running(folder), START_MAX, "the broker has stopped")
    shutil.rmtree(folder, ignore_errors=True)


def main(arguments):
    folder = os.environ.get("ROOTNOTE_KAFKA_FOLDER", os.path.join(ROOT, "build", "kafka", "by-hand"))
    version = arguments[1] if len(arguments) == 2 else VERSIONS[-1]
    if not 1 <= len(arguments) <= 2 or arguments[0] not in ("start", "stop") or version not in VERSIONS:
        print(__doc__, file=sys.stderr)
        return 64
    if arguments[0] == "start":
        start_by_hand(folder, version)
    else:
        stop_by_hand(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
