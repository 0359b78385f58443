"""The tools that contractors use, unconfigured, through the gateway: what the profile allows comes whole, what it does not
allow fails at once and is told, and what is over its budget is cut. Certificates of inspected hosts are the session's own, so
each tool that gets anything trusts it."""
import json
import re
import unittest
from pathlib import Path

from gateway_case import GatewayCase
from outside_content import LARGE

BUDGET = 300000  # bytes, of files that are at least 1 MiB
BY_NAME, BY_PATH, OVER = "denied.example.org", "api.example.com", "files.example.com"

# Each tool as a shell function: get URL prints the body, and fails where it did not come whole or with another status than 200.
CURL = "get() { curl -sS --fail-with-body --max-time 30 \"$1\"; }"
WGET = "get() { wget -q -O - --content-on-error --tries=1 --timeout=30 \"$1\"; }"
REQUESTS = """get() { /usr/bin/python3 -c 'import requests, sys
answer = requests.get(sys.argv[1], timeout=30)
sys.stdout.buffer.write(answer.content)
answer.raise_for_status()' "$1"; }"""
URLLIB = """get() { /usr/bin/python3 -c 'import sys, urllib.error, urllib.request
try:
    sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=30).read())
except urllib.error.HTTPError as answer:
    sys.stdout.buffer.write(answer.read())
    sys.exit(1)' "$1"; }"""
NODE = """get() { node -e 'fetch(process.argv[1]).then(async (answer) => {
  process.stdout.write(Buffer.from(await answer.arrayBuffer()), () => process.exit(answer.ok ? 0 : 1));
}).catch((why) => { console.error(why.cause ?? why); process.exit(2); })' "$1"; }"""
JAVA = """cat > /tmp/Get.java <<'END'
import java.net.*;
import java.io.*;
public class Get {
  public static void main(String[] args) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) new URL(args[0]).openConnection();
    boolean good = connection.getResponseCode() == 200;
    (good ? connection.getInputStream() : connection.getErrorStream()).transferTo(System.out);
    System.out.flush();
    System.exit(good ? 0 : 1);
  }
}
END
javac -d /tmp /tmp/Get.java || exit 70
get() { java -cp /tmp Get "$1"; }"""
OPENSSL = """get() {
  local rest=${1#https://}; local host=${rest%%/*}
  printf 'GET /%s HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n' "${rest#*/}" "$host" |
    timeout 30 openssl s_client -quiet -ign_eof -verify_return_error -connect "$host:443" -servername "$host" > /tmp/answer 2> /tmp/error || return 3
  sed '1,/^\\r$/d' /tmp/answer
  head -1 /tmp/answer | grep -q ' 200 ' || return 1
  [ "$(sed '1,/^\\r$/d' /tmp/answer | wc -c)" -eq "$(sed -n 's/^[Cc]ontent-[Ll]ength: \\([0-9]*\\)\\r$/\\1/p' /tmp/answer)" ]
}"""

TRY = """
try_it() { get "$2" > /tmp/got; echo "$1 $? $(wc -c < /tmp/got) $(head -c 600 /tmp/got | tr '\\n' ' ' | tr -cd '[:print:]')"; }
try_it allowed https://api.example.com/small.txt
try_it path https://api.example.com/other.txt
try_it name https://denied.example.org/small.txt
try_it budget https://files.example.com/large.bin
"""


class Clients(GatewayCase):
    def allow_files(self):
        self.world.answer({BY_NAME: {"A": [self.world.address]}})  # it exists outside
        self.allow(self.world.rule(BY_PATH, http=[{"methods": ["GET"], "path": "/small.txt"}]), self.world.rule(OVER, down=BUDGET))

    def check_get(self, tool):
        """Four tries in one session, then what the record and the world say of them."""
        self.allow_files()
        out = self.sh(tool + TRY, timeout=150).out.decode()
        said = {name: (int(code), int(size), text) for name, code, size, text in re.findall(r"^(\w+) (\d+) (\d+) ?(.*)$", out, re.M)}
        self.assertEqual(sorted(said), ["allowed", "budget", "name", "path"], out)
        self.assertEqual(said["allowed"], (0, 6, "small "))
        self.assertNotEqual(said["path"][0], 0)
        denial = json.loads(said["path"][2])
        self.assertEqual(denial["error"], "denied")
        self.assertIn(f"carrel request network {BY_PATH}", denial["request"])
        text = Path(denial["file"]).read_text().split("\n")
        self.assertEqual(text[denial["line"] - 1:denial["line"] + 1], ["[[network]]", f'host = "{BY_PATH}"'])
        self.assertNotEqual(said["name"][0], 0)
        self.assertNotEqual(said["budget"][0], 0)
        self.assertLess(said["budget"][1], BUDGET + 1)
        self.check_record()

    def check_record(self):
        allowed = self.told("http.request", host=BY_PATH, path="/small.txt")[0]
        self.assertEqual((allowed["verdict"], allowed["data"]["status"]), ("allowed", 200))
        denied = self.told("http.request", host=BY_PATH, path="/other.txt")[0]
        self.assertEqual((denied["verdict"], denied["data"]["status"], denied["data"]["reason"]), ("denied", 403, "no-rule"))
        self.assertEqual([each["path"] for each in self.world.requests(BY_PATH)], ["/small.txt"])
        self.denied_name(BY_NAME)
        self.assertEqual(self.world.queries(BY_NAME), [])
        self.over_budget()

    def check_sum(self):
        """`carrel net` says the same in sum."""
        said = json.loads(self.carrel("net", "last", "--json").stdout)
        to = {each["name"]: each for each in said["destinations"]}
        self.assertEqual(sorted(to), sorted([BY_PATH, OVER]))
        self.assertEqual((to[BY_PATH]["requests"], to[BY_PATH]["requests_denied"]), ({"GET": 2}, 1))
        self.assertEqual((to[OVER]["down"], to[OVER]["ended"].get("budget")), (BUDGET, 1))
        self.assertEqual([each["name"] for each in said["names"]], [BY_NAME])
        self.assertIn(("budget", "spent", OVER), [(each["kind"], each["what"], each["name"]) for each in said["notes"]])
        text = self.carrel("net", "last").stdout.decode()
        self.assertIn(f"  {BY_PATH} port 443, inspect (network.", text)

    def over_budget(self):
        spent = self.told("net.spent", name=OVER, way="down")[0]
        self.assertEqual(spent["data"]["limit"], BUDGET)
        self.assertTrue(self.told("net.close", name=OVER, by="budget"))

    def test_curl(self):
        self.check_get(CURL)
        self.check_sum()

    def test_wget(self):
        self.check_get(WGET)

    def test_python_requests(self):
        self.check_get(REQUESTS)

    def test_python_urllib(self):
        self.check_get(URLLIB)

    def test_node_fetch(self):
        self.check_get(NODE)

    def test_java(self):
        self.check_get(JAVA)

    def test_openssl_s_client(self):
        self.check_get(OPENSSL)

    # ---- tools that fetch in a way of their own --------------------------------------------------

    def test_git(self):
        fetch = [{"preset": "git-fetch", "repository": "/git/acme/widgets"}]
        push = [{"preset": "git-push", "repository": "/git/acme/contrib", "refs": ["refs/heads/contractor/*"]}]
        self.allow(self.world.rule("git.example.com", http=fetch + push),
                   self.world.rule(OVER, http=[{"preset": "git-fetch", "repository": "/git/acme/large"}], down=BUDGET))
        out = self.sh("""cd /tmp; export GIT_TERMINAL_PROMPT=0
git clone -q https://git.example.com/git/acme/widgets w && cat w/README.md && echo; cd w
git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m more
git push -q https://git.example.com/git/acme/contrib HEAD:refs/heads/contractor/one; echo "own $?"
git push -q https://git.example.com/git/acme/contrib HEAD:refs/heads/main 2>/dev/null; echo "ref $?"
git push -q origin HEAD:refs/heads/contractor/two 2>/dev/null; echo "push $?"
git ls-remote -q https://git.example.com/git/mallory/loot 2>/tmp/error; echo "other $?"; grep -c '^remote: {"error":"denied","reason":"no-rule",' /tmp/error
git clone -q https://files.example.com/git/acme/large l 2>/dev/null; echo "budget $?"
git clone -q https://denied.example.org/git/acme/widgets n 2>/dev/null; echo "name $?"
""", timeout=150).out.decode()
        self.assertEqual(out, "widgets 2\nown 0\nref 1\npush 128\nother 128\n1\nbudget 128\nname 128\n")
        refs = self.world.git("acme/contrib.git", "for-each-ref", "--format=%(refname)").split()
        self.assertEqual(refs, ["refs/heads/contractor/one", "refs/heads/main"])
        self.assertEqual(self.world.git("acme/contrib.git", "log", "-1", "--format=%s", "main").strip(), "c")
        self.assertEqual([each for each in self.world.log("http") if "mallory" in each["path"]], [])
        self.over_budget()
        self.denied_name("denied.example.org")

    def test_pip(self):
        self.allow(self.world.rule("pypi.org", http=[{"methods": ["GET"], "path": "/simple/**"}]),
                   self.world.rule("files.pythonhosted.org", http=[{"methods": ["GET"], "path": "/packages/**"}]),
                   self.world.rule(OVER, down=BUDGET))
        out = self.sh("""cd /tmp
pip() { /usr/bin/python3 -m pip -q --disable-pip-version-check --no-cache-dir --retries 0 "$@" 2>/tmp/error; }
pip install --target t tiny; echo "allowed $?"; PYTHONPATH=t /usr/bin/python3 -c 'import tiny; print(tiny.NAME)'
pip install --target t large; [ $? -ne 0 ]; echo "budget $?"; ls t | grep -c large
pip install --target t --index-url https://denied.example.org/simple tiny2; echo "name $?"
pip install --target t --index-url https://pypi.org/elsewhere tiny2; echo "path $?"
""", timeout=150).out.decode()
        self.assertEqual(out, "allowed 0\ntiny of pip\nbudget 0\n0\nname 1\npath 1\n")
        self.over_budget()
        self.denied_name("denied.example.org")
        self.assertEqual(self.told("http.request", host="pypi.org", status=403)[0]["verdict"], "denied")

    def test_npm(self):
        self.allow(self.world.rule("registry.npmjs.org", http=[{"methods": ["GET"], "path": "/tiny/**"}, {"methods": ["GET"], "path": "/tiny"},
                                                               {"methods": ["GET"], "path": "/large"}]),
                   self.world.rule(OVER, down=BUDGET))
        # What npm had unpacked when it failed may stay, never the whole.
        out = self.sh(f"whole={len(LARGE)}\n" + """cd /tmp; mkdir p; cd p
npm() { command npm --silent --no-audit --no-fund --no-update-notifier --fetch-retries=0 "$@" > /tmp/error 2>&1; }
npm install tiny; echo "allowed $?"; node -p 'require("tiny")'
npm install large; [ $? -ne 0 ]; echo "budget $?"; [ "$(stat -c %s node_modules/large/large.bin 2>/dev/null || echo 0)" -lt $whole ]; echo $?
npm install --registry https://denied.example.org/ tiny2; [ $? -ne 0 ]; echo "name $?"
npm install other; [ $? -ne 0 ]; echo "path $?"
""", timeout=170).out.decode()
        self.assertEqual(out, "allowed 0\ntiny of npm\nbudget 0\n0\nname 0\npath 0\n")
        self.over_budget()
        self.denied_name("denied.example.org")
        self.assertEqual(self.told("http.request", host="registry.npmjs.org", path="/other")[0]["data"]["status"], 403)
        self.assertEqual([each for each in self.world.requests("registry.npmjs.org") if each["path"].startswith("/other")], [])

    def test_npm_with_a_scope(self):
        files = {"methods": ["GET"], "path": "/@acme/**"}
        script = """cd /tmp; mkdir p; cd p
npm install --silent --no-audit --no-fund --no-update-notifier --fetch-retries=0 @acme/scoped > /tmp/error 2>&1; [ $? -eq 0 ]; echo "scoped $?"
node -p 'require("@acme/scoped")' 2>/dev/null || true
"""
        self.allow(self.world.rule("registry.npmjs.org", http=[{"methods": ["GET"], "path": "/*", "escaped_slash": True}, files]))
        self.assertEqual(self.sh(script, timeout=90).out.decode(), "scoped 0\n@acme/scoped of npm\n")
        self.assertEqual(self.told("http.request", path="/@acme%2Fscoped")[0]["data"]["status"], 200)
        seen = len(self.world.requests("registry.npmjs.org"))
        self.allow(self.world.rule("registry.npmjs.org", http=[{"methods": ["GET"], "path": "/*"}, files]))
        self.assertEqual(self.sh(script.replace("/tmp;", "/tmp; rm -rf p;"), timeout=90).out.decode(), "scoped 1\n")
        denied = self.told("http.request", host="registry.npmjs.org", status=400)[0]
        self.assertEqual((denied["verdict"], denied["data"]["reason"]), ("denied", "path-escaped-slash"))
        self.assertEqual(len(self.world.requests("registry.npmjs.org")), seen)

    def test_go(self):
        """With a proxy of modules that stands where the public one is, and nothing beside it."""
        self.allow(self.world.rule("proxy.golang.org", http=[{"methods": ["GET"], "path": "/example.com/tiny/**"}]),
                   self.world.rule(OVER, http=[{"methods": ["GET"], "path": "/example.com/*/**"}], down=BUDGET))
        out = self.sh("""mkdir /tmp/p; cd /tmp/p; cat > main.go <<'END'
package main

import (
	"fmt"

	"example.com/tiny"
)

func main() { fmt.Println(tiny.Name) }
END
export GOPROXY=https://proxy.golang.org GOSUMDB=off GOFLAGS=-mod=mod GOTOOLCHAIN=local GOVCS='*:off' GOPATH=/tmp/go GOCACHE=/tmp/cache
go() { /usr/bin/go "$@" 2>/tmp/error; }
needs() { printf 'module example.org/here\\n\\ngo 1.19\\n\\nrequire %s v1.0.0\\n' "$1" > go.mod; }
needs example.com/tiny; go mod download; echo "allowed $?"; go build -o here .; ./here
needs example.com/other; go mod download; echo "path $?"; cat /tmp/error >&2
needs example.com/Acme/large; export GOPROXY=https://files.example.com; go mod download; echo "budget $?"; find /tmp/go -name 'large*' -type f
needs example.com/tiny2; export GOPROXY=https://denied.example.org; go mod download; echo "name $?"
""", timeout=170)
        self.assertEqual(out.out.decode(), "allowed 0\ntiny of go\npath 1\nbudget 1\nname 1\n")
        told = re.search(r"/example\.com/other/@v/v1\.0\.0\.\w+: 403 Forbidden\s+server response: (\{.*\})", out.err.decode())
        self.assertTrue(told, out.err)
        denial = json.loads(told[1])
        self.assertEqual((denial["reason"], denial["rule"]), ("no-rule", "network.proxy.golang.org"))
        self.assertIn("carrel request network proxy.golang.org", denial["request"])
        self.over_budget()
        self.denied_name("denied.example.org")
        self.assertTrue(self.told("http.request", host=OVER, path="/example.com/%21acme/large/@v/v1.0.0.zip"))
        self.assertEqual([each for each in self.world.requests("proxy.golang.org") if "other" in each["path"]], [])

    def test_cargo(self):
        """With an index that is a repository: cargo 1.65 knows no other kind. Of an answer that is no crate it shows the status alone."""
        fetch = [{"preset": "git-fetch", "repository": "/git/acme/index"}]
        self.allow(self.world.rule("git.example.com", http=fetch),
                   self.world.rule(OVER, http=[{"methods": ["GET"], "path": f"/crates/{name}/*"} for name in ("tiny", "large")], down=BUDGET))
        out = self.sh("""mkdir -p /tmp/p/src /tmp/cargo; cd /tmp/p
export CARGO_HOME=/tmp/cargo CARGO_NET_RETRY=0
cargo() { /usr/bin/cargo "$@" 2>/tmp/error; }
index() { printf '[source.crates-io]\\nreplace-with = "mirror"\\n[source.mirror]\\nregistry = "%s"\\n' "$1" > /tmp/cargo/config.toml; }
needs() { rm -f Cargo.lock; printf '[package]\\nname = "here"\\nversion = "0.1.0"\\nedition = "2021"\\n[dependencies]\\n%s = "1"\\n' "$1" > Cargo.toml; }
echo 'fn main() { println!("{}", tiny::NAME); }' > src/main.rs
index https://git.example.com/git/acme/index
needs tiny; cargo fetch; echo "allowed $?"; cargo run -q
needs other; cargo fetch; echo "path $?"; grep -o 'got 403' /tmp/error
needs large; cargo fetch; echo "budget $?"; find /tmp/cargo -name 'large-1*'
index https://git.example.com/git/mallory/loot; needs tiny; cargo fetch; echo "index $?"; grep -o 'got 403' /tmp/error
index https://denied.example.org/git/acme/index; cargo fetch; echo "name $?"
""", timeout=170)
        self.assertEqual(out.out.decode(), "allowed 0\ntiny of cargo\npath 101\ngot 403\nbudget 101\nindex 101\ngot 403\nname 101\n", out.err)
        self.over_budget()
        self.denied_name("denied.example.org")
        self.assertEqual(self.told("http.request", path="/crates/other/1.0.0.crate")[0]["data"]["reason"], "no-rule")
        self.assertEqual([each for each in self.world.requests() if re.search("other|mallory", each["path"])], [])

    # ---- modes that read nothing -------------------------------------------------------------------

    def test_curl_in_passthrough_sees_the_hosts_own_certificate(self):
        self.allow(self.world.rule(BY_PATH, mode="passthrough"), self.world.rule(OVER, mode="passthrough", down=BUDGET))
        out = self.sh(f"cat > /tmp/ca.pem; curl -sS --cacert /tmp/ca.pem https://{BY_PATH}/small.txt; "
                      f"curl -sS --cacert /tmp/ca.pem -o /tmp/b https://{OVER}/large.bin 2>/dev/null; echo $?", stdin=self.world.ca.read_bytes())
        self.assertRegex(out.out.decode(), r"^small\n(35|56|18)\n$")
        self.assertEqual(self.told("tls.hello", sni=BY_PATH)[0]["data"]["why"], "")
        self.over_budget()
        self.assertEqual(self.of_type("http.request"), [])

    def test_the_companys_proxy_is_used_where_it_is_set(self):
        self.settings(proxy=True)
        self.allow(self.world.rule(BY_PATH))
        self.assertEqual(self.sh(f"curl -sS https://{BY_PATH}/small.txt").out, b"small\n")
        asked = [line["line"] for line in self.world.log("proxy") if line["event"] == "request"]
        self.assertEqual(len(asked), 1, asked)
        self.assertRegex(asked[0], rf"^CONNECT ({re.escape(BY_PATH)}|{re.escape(self.world.address)}):443 HTTP/1\.1$")

    def test_a_certificate_that_is_not_good_is_not_passed_on_as_good(self):
        names = ("expired.example.com", "unknown-ca.example.com", "wrong-name.example.com")
        self.allow(*map(self.world.rule, names), self.world.rule(BY_PATH))
        script = f"curl -sS https://{BY_PATH}/small.txt; " + "".join(
            f"curl -sS -o /tmp/o --fail https://{name}/small.txt 2>/dev/null; echo $?; " for name in names)
        out = self.sh(script).out.decode().split()
        self.assertEqual(out[0], "small")
        self.assertNotIn("0", out[1:])
        for name in names:
            self.assertEqual(self.world.requests(name), [])


assert len(LARGE) >= 3 * BUDGET

if __name__ == "__main__":
    unittest.main()
