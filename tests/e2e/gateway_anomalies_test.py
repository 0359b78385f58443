"""Traffic of an unusual shape is told once, with its numbers, and not refused; ordinary traffic is not told of at all."""
import unittest

from gateway_case import GatewayCase

API, TCP = "api.example.com", "tcp.example.com"

READ = [{"methods": ["GET"], "path": "/**"}]
WORK = f"""
import http.client

api = http.client.HTTPSConnection('{API}')


def status(target):
    api.request('GET', target)
    answer = api.getresponse()
    answer.read()
    return answer.status


def names(count):
    return [ask_dns(f'n.d{{i}}.example')[0] for i in range(count)]  # one question each: below the rate


def missing(count):
    return [status(f'/nothing/{{i}}') for i in range(count)]
"""


class Anomalies(GatewayCase):
    def whats(self):
        return sorted((event["data"]["what"], event["data"]["name"]) for event in self.of_type("net.anomaly"))

    def test_a_search_for_names_and_for_paths_is_told_once_each(self):
        self.allow(self.world.rule(API, http=READ))
        said = self.inside(WORK + """
say(sorted(set(names(20))))
say(ask_dns('', raw=b'\\3\\x1b[2\\4test\\0')[0])
say(sorted(set(names(25))))
say(sorted(set(missing(205))))
""")
        self.assertEqual(said, [[3], 3, [3], [404]])  # all were answered
        self.assertEqual(self.whats(), [("names", ""), ("scan", API)])
        found = {event["data"]["what"]: event for event in self.of_type("net.anomaly")}
        self.assertEqual({event["verdict"] for event in found.values()}, {"observed"})
        self.assertRegex(found["names"]["data"]["detail"],
                         "^21 different names that no rule has were asked for within \\d+\\.\\d s, the last \x1b\\[2\\.test$")
        self.assertRegex(found["scan"]["data"]["detail"],
                         r"^201 different paths were answered 404 within \d+\.\d s, the last /nothing/200$")
        shown = self.carrel("show", "last").stdout.decode()
        self.assertIn("anomalies   2 of the network: noticed, not refused\n  names: 21 different names", shown)
        self.assertIn(f"  scan {API}: 201 different paths", shown)
        self.assertIn(", the last \\x1b[2.test  (event ", shown)
        self.assertNotIn("\x1b", shown)

    def test_all_that_is_just_below_is_not_told(self):
        sink = self.world.ports["sink"]
        self.allow(self.world.rule(API, http=READ), self.world.rule(TCP, ports=[sink], mode="tcp"))
        said = self.inside(WORK + f"""
say(len(names(20)))
say(sorted(set(missing(200))))
say(status('/small.txt'))
c = connect('{TCP}', {sink})
c.sendall(bytes(5 << 20))
c.close()
time.sleep(11)
""")
        self.assertEqual(said, [20, [404], 200])
        self.assertEqual(self.told("net.close", name=TCP)[0]["data"]["up"], 5 << 20)
        self.assertEqual(self.whats(), [])
        self.assertNotIn("anomalies", self.carrel("show", "last").stdout.decode())

    def test_bytes_are_told_of_when_their_period_ends_though_nothing_moves_any_more(self):
        self.allow(self.world.rule(API, http=READ))
        said = self.inside(WORK + """
say(sorted({status('/nothing?q=' + 'a' * 1900) for _ in range(560)}))
time.sleep(11)
""")
        self.assertEqual(said, [[404]])
        self.assertEqual(self.whats(), [("ratio", API), ("targets", API)])
        self.assertRegex(self.told("net.anomaly", what="ratio")[0]["data"]["detail"],
                         r"^1\.\d MiB up and \d+\.\d KiB down within 10 minutes, though every rule of it only reads: \d+\.\d times$")

    def test_more_questions_than_are_answered_are_told_once(self):
        self.allow(self.world.rule(API, http=READ))
        said = self.inside("say(sorted({attempt(ask_dns, f'n.d{i % 5}.example', 1)[0] for i in range(120)}))\n")
        self.assertEqual(said, [[2, 3]])
        self.assertEqual(self.whats(), [("rate", "")])


if __name__ == "__main__":
    unittest.main()
