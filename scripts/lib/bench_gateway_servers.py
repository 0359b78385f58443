"""The outside world's plain TCP servers on this host's loopback, for what bench_gateway.py compares with.
servers.py DRAIN_PORT SOURCE_PORT ECHO_PORT"""
import pathlib
import sys
import tempfile
import time

folder = tempfile.TemporaryDirectory(prefix="carrel-bench-servers-")
pathlib.Path(folder.name, "ports.json").write_text("{}")
ports, sys.argv = list(map(int, sys.argv[1:])), ["servers", folder.name]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/e2e"))
import outside_servers  # noqa: E402

for port, serve, name in zip(ports, (outside_servers.drain, outside_servers.source, outside_servers.echo), ("drain", "source", "echo")):
    outside_servers.listen(port, serve, name)
while True:
    time.sleep(1000)
