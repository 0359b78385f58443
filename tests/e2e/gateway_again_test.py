"""Another gateway takes the place of one that died within its session: what it knew is known to the next one."""
import unittest

from grants_case import GrantsCase

TCP, API = "tcp.example.com", "api.example.com"


class Again(GrantsCase):
    more = """
def fetch(path, host):
    return get(path, host)["status"]
def address(host):
    return attempt(socket.gethostbyname, host)
def send(host, port, count):
    # How many of these bytes come back.
    def work():
        with connect(host, port) as connection:
            connection.sendall(b"x" * count)
            return len(connection.recv(count, socket.MSG_WAITALL))
    return attempt(work)
"""

    def kill(self, times):
        """The gateway of the session; waits until its successor is there."""
        self.kill_gateway()
        self.wait_until(lambda: self.screen().count("the gateway is there again") == times, 30, f"gateway {times}: {self.screen()}")

    def anomalies(self):
        return [(e["data"]["what"], e["data"]["detail"]) for e in self.of_type("net.anomaly")]

    def test_names_trust_and_credentials_are_those_of_before(self):
        port = self.world.ports["echo"]
        table = self.secret()
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"), table, self.world.rule(API, credential="ci"))
        self.start()
        self.assertEqual(self.do("fetch", "/protected", API), 200)
        before = [self.do("address", host) for host in (TCP, API)]
        self.assertEqual(self.do("hold", TCP, port), "held")
        self.kill(1)
        self.assertEqual(self.do("how_held_ends")[0], "ECONNRESET")
        self.assertEqual([self.do("address", host) for host in (TCP, API)], before)
        self.assertEqual(self.do("echo", TCP, port), "over there")
        # The workspace's tools trust it, and it has the credential again.
        self.wait_until(lambda: self.do("fetch", "/protected", API) == 200, what="the credential is there again")
        self.kill(2)
        self.assertEqual(self.do("echo", TCP, port), "over there")
        self.finish()
        self.assertEqual(self.anomalies(), [("gateway-lost", "it has hung up and is ended; its connections are reset with that"), ("gateway-back", "1 of 5 times"),
                                            ("gateway-lost", "it has hung up and is ended; its connections are reset with that"), ("gateway-back", "2 of 5 times")])
        self.assertEqual(len(self.of_type("net.open", name=TCP)), 3)  # all that passed is told, of each gateway
        flows = [event["data"]["flow"] for event in self.of_type("net.open")]
        self.assertEqual(len(flows), len(set(flows)))
        self.assertNotIn(None, [event["process"] for event in self.of_type("net.open")])
        self.assertEqual({claim["claim"]: claim["state"] for claim in self.verify()["claims"]}["COMPLETE"], "proven")

    def test_no_byte_of_a_budget_is_given_twice(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp", up=100))
        self.start()
        self.assertEqual(self.do("send", TCP, port, 60), 60)
        self.kill(1)
        self.assertEqual(self.do("send", TCP, port, 40), 40)
        self.kill(2)
        self.assertEqual(self.do("send", TCP, port, 1), "ECONNRESET")
        self.finish()
        spent = self.told("net.spent")
        self.assertEqual([(e["data"]["limit"], e["data"]["used"]) for e in spent], [(100, 100)])

    def test_what_was_granted_is_granted_still(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, mode="passthrough"))
        self.start()
        self.assertEqual(self.do("echo", TCP, port), "ECONNRESET")
        self.ask("network", f"{TCP}:{port}", "--tcp", "--for", "a test", "--until", "1h")
        [request] = self.pending()
        self.decide("approve", f"{self.session}/{request['id']}", "--until", "30m")
        self.wait_until(lambda: self.do("echo", TCP, port) == "over there", what="it is granted")
        self.kill(1)
        self.wait_until(lambda: self.do("echo", TCP, port) == "over there", what="it is granted still")
        self.finish()

    def test_after_five_there_is_none(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        self.start()
        for times in range(1, 6):
            self.kill(times)
        self.assertEqual(self.do("echo", TCP, port), "over there")
        self.kill_gateway()
        self.wait_until(lambda: "there is no gateway any more" in self.screen(), what="the last word")
        self.assertEqual(self.do("echo", TCP, port), "no such name")
        self.assertIn("there is no gateway", self.ask("network", "x.example.com", "--for", "a test", "--until", "1h", code=1))
        self.finish()
        self.assertEqual(self.anomalies()[-1], ("gateway-gone", "it was started again 5 times in this session"))


if __name__ == "__main__":
    unittest.main()
