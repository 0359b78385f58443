"""A session that does one thing after the other for its test, asks for more, and is answered."""
import json
import subprocess

from carrel_case import CARREL
from gateway_case import LIBRARY, GatewayCase

# Does one line of its input after the other, and says what came of it.
WORKER = """
import subprocess
def carrel(*words):
    done = subprocess.run(["carrel", *words], capture_output=True, text=True)
    return [done.returncode, done.stdout + done.stderr]
def echo(host, port):
    def work():
        with connect(host, port) as connection:
            connection.sendall(b"over there")
            return connection.recv(100).decode()
    return attempt(work)
held = []
def hold(host, port):
    held.append(connect(host, port))
    held[-1].sendall(b"held")
    return held[-1].recv(100).decode()
def how_held_ends():
    held[-1].settimeout(30)
    began = time.time()
    return [attempt(lambda: len(held[-1].recv(100))), time.time()]
#more
print("there", flush=True)
for line in sys.stdin:
    name, *words = json.loads(line)
    say(globals()[name](*words))
"""


class GrantsCase(GatewayCase):
    more = ""  # what its session can do beside

    def start(self):
        screen = open(self.folder / "screen", "wb")
        script = LIBRARY + WORKER.replace("#more", self.more)
        self.process = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/usr/bin/python3", "-c", script, "{}",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=screen, text=True)
        screen.close()
        self.addCleanup(self.reap)
        self.assertEqual(self.process.stdout.readline(), "there\n", self.logs() + self.screen())
        self.session = self.sessions()[0]["session"]

    def reap(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def screen(self):
        return (self.folder / "screen").read_text()

    def do(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, *words, code=0):
        status, said = self.do("carrel", "request", *words)
        self.assertEqual(status, code, said)
        return said

    def finish(self):
        self.process.stdin.close()
        self.assertEqual(self.process.wait(60), 0, self.screen())
        self.assertEqual(self.verify()["lost"], 0)

    def pending(self):
        return json.loads(self.carrel("approvals", "--json").stdout)

    def decide(self, word, request, *options, code=0):
        done = self.carrel("approvals", word, request, *options, code=code)
        return done.stdout.decode() + done.stderr.decode()

    def grants(self):
        return [(event["type"], event["data"]) for event in self.events("last", "--kind", "grant")]
