"""The outside world of a test: a network of its own behind a veth pair, with the servers of outside_servers.py, a
certificate authority and a DNS server that says what the test tells it. Made by root; reached from this host by every
user; gone with the test, however that ends: all processes of it are in one pid namespace that lives as long as the
test holds a pipe.

    with Outside() as world:
        world.write_settings(state)
        profile.write_text(world.profile(world.rule("api.example.com")))
"""
import contextlib
import functools
import hashlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

import outside_content

BIG_BYTES = 64 << 20
PORTS = {"dns": 53, "proxy": 3128, "echo": 7000, "sink": 7001, "source": 7002, "drain": 7003, "s_server": 4433, "raw": 8444, "odd": 8445, "odd_tls": 8446}

# Answered by nginx, all with a certificate of the company's authority for that name.
NAMES = ("api.example.com", "files.example.com", "git.example.com", "tcp.example.com", "raw.example.com",
         "registry.npmjs.org", "pypi.org", "files.pythonhosted.org", "proxy.golang.org")
# At an address of its own, so that arrivals tell it from the others.
OTHER = "other.example.com"
MTLS = "mtls.example.com"  # wants a client's certificate (`Outside.client_certificate`)
# Of these something is wrong: no gateway may give them to a client as good.
BAD = {"unknown-ca.example.com": "unknown", "expired.example.com": "expired", "wrong-name.example.com": "other"}

NGINX = """\
daemon off; user root; worker_processes 1; worker_rlimit_nofile 20000;
pid {folder}/nginx.pid; error_log {folder}/nginx.error info;
events {{ worker_connections 8192; }}
http {{
  include /etc/nginx/mime.types;
  log_format lines escape=json '{{"server":"nginx","time":$msec,"address":"$server_addr","port":$server_port,"sni":"$ssl_server_name",'
    '"host":"$http_host","method":"$request_method","path":"$request_uri","status":$status,"up":$request_length,'
    '"down":$bytes_sent,"certificate":"$ssl_client_s_dn","serial":"$ssl_client_serial",'
    '"verified":"$ssl_client_verify"}}';
  access_log {folder}/nginx.jsonl lines;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  client_max_body_size 0; underscores_in_headers on; ignore_invalid_headers off; sendfile on; server_tokens off;
  proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
  proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  ssl_certificate_key {folder}/pki/key.pem;
{servers}
}}
"""
SERVER = """\
  server {{
    listen 80{default}; listen [::]:80{default}; listen 443 ssl{default}; listen [::]:443 ssl{default};
    server_name {name}; ssl_certificate {folder}/pki/{certificate}.pem; {more}
    root {folder}/www;
    location / {{ try_files /$host$uri /$host$uri.json /$host${{uri}}index.html /common$uri @backend; }}
    location @backend {{ proxy_pass http://unix:{folder}/backend.sock; }}
  }}"""


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, **options).stdout


def toml(value):
    """A value of TOML: text, numbers, lists and inline tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


class Authority:
    """A certificate authority by openssl(1), in a folder; one key serves all its leaves."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(folder / "key.pem"))
        run("openssl", "pkey", "-in", str(folder / "key.pem"), "-pubout", "-out", str(folder / "key.pub"))
        self.root("ca", "Company CA")
        self.root("unknown-ca", "Nobody's CA")

    def root(self, name, subject):
        run("openssl", "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.pem"), "-days", "2", "-subj", f"/CN={subject}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def leaf(self, file, names, ca="ca", days=2, usage="serverAuth"):
        """Writes FILE.pem for the names; days below zero: it has ended."""
        extensions = self.folder / f"{file}.cnf"
        known = ",".join(f"DNS:{name}" for name in names)
        extensions.write_text(f"subjectAltName={known}\nextendedKeyUsage={usage}\nbasicConstraints=critical,CA:FALSE\n")
        run("openssl", "x509", "-new", "-force_pubkey", str(self.folder / "key.pub"), "-subj", f"/CN={names[0]}", "-CA",
            str(self.folder / f"{ca}.pem"), "-CAkey", str(self.folder / f"{ca}.key"), "-days", str(days), "-extfile",
            str(extensions), "-out", str(self.folder / f"{file}.pem"))
        return self.folder / f"{file}.pem"


class Outside:
    numbers = itertools.count()

    def __init__(self, mtu=1500):
        """`mtu`: of the link; a benchmark takes as much as loopback has."""
        self.mtu = mtu

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-outside-"))
            undo.callback(subprocess.run, ["rm", "-rf", str(self.folder)], check=False)
            self.folder.chmod(0o755)
            self._make_content()
            undo.callback(self._end)
            self._start()
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    # ---- making it -------------------------------------------------------------------------------

    def _make_content(self):
        self.ports = dict(PORTS)
        (self.folder / "ports.json").write_text(json.dumps(self.ports))
        (self.folder / "log.jsonl").touch()
        (self.folder / "nginx.jsonl").touch()
        (self.folder / "temp").mkdir()
        self.authority = Authority(self.folder / "pki")
        self.authority.leaf("good", [*NAMES, OTHER, MTLS])
        self.authority.leaf("unknown", ["unknown-ca.example.com"], ca="unknown-ca")
        self.authority.leaf("expired", ["expired.example.com"], days=-1)
        self.authority.leaf("other", [OTHER])
        outside_content.write(self.folder)
        servers = [SERVER.format(default=" default_server", name="_", certificate="good", more="", folder=self.folder),
                   SERVER.format(default="", name=MTLS, certificate="good", folder=self.folder,
                                 more=f"ssl_verify_client on; ssl_client_certificate {self.folder}/pki/ca.pem;")]
        servers += [SERVER.format(default="", name=name, certificate=file, more="", folder=self.folder)
                    for name, file in BAD.items()]
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, servers="\n".join(servers)))

    def _start(self):
        self.device = f"co{os.getpid()}.{next(self.numbers)}"
        servers = pathlib.Path(__file__).with_name("outside_servers.py")
        with open(self.folder / "servers.error", "wb") as errors:
            self.process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "/usr/bin/python3", str(servers), str(self.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1)
        self._answered("entered")
        self._link()
        self._answered("ready")
        everything = {name: {"A": [self.address], "AAAA": [self.address6] if self.address6 else []}
                      for name in (*NAMES, MTLS, *BAD)}
        everything[OTHER] = {"A": [self.other_address]}
        self.answer(everything)

    def _link(self):
        taken = {entry["local"] for link in json.loads(run("ip", "-j", "-4", "addr")) for entry in link["addr_info"]}
        number = next(number % 4096 for number in itertools.count(os.getpid()) if self._base(number % 4096) + 1 not in
                      {int.from_bytes(socket.inet_aton(each), "big") for each in taken})
        spell = [socket.inet_ntoa((self._base(number) + last).to_bytes(4, "big")) for last in range(15)]
        self.host_address, self.address, self.other_address, self.dns_address = spell[1], spell[2], spell[3], spell[5]
        six = not self._no_ipv6()
        self.host_address6, self.address6 = (f"fd5a:{number:x}::1", f"fd5a:{number:x}::2") if six else (None, None)
        lines = [f"link add {self.device} mtu {self.mtu} type veth peer name outside mtu {self.mtu} netns {self.process.pid}",
                 f"addr add {self.host_address}/28 dev {self.device}", f"link set {self.device} up"]
        if six:
            lines.append(f"addr add {self.host_address6}/64 dev {self.device} nodad")
        run("ip", "-batch", "-", input="\n".join(lines).encode())
        self._order(device="outside", host=self.host_address, bits=28, address6=self.address6,
                    addresses=[self.address, self.other_address, spell[4], self.dns_address])

    @staticmethod
    def _base(number):
        """Of the number-th /28 of 10.213.0.0/16."""
        return (10 << 24) + (213 << 16) + 16 * number

    @staticmethod
    def _no_ipv6():
        try:
            return pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").read_text().strip() != "0"
        except OSError:
            return True

    def _order(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _answered(self, word):
        line = self.process.stdout.readline()
        if word not in line:
            errors = [path.read_text() for path in self.folder.glob("*.error")]
            raise RuntimeError(f"the outside world did not come up ({line!r}): {errors}")

    def _end(self):
        process = getattr(self, "process", None)
        if process is None:
            return
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()  # --kill-child: and with it all of them
            process.wait()
        process.stdout.close()
        deadline = time.monotonic() + 10  # the kernel takes a network apart after its last process
        while os.path.exists(f"/sys/class/net/{self.device}"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.device} is left")
            time.sleep(0.005)

    # ---- what it says ----------------------------------------------------------------------------

    @property
    def ca(self):
        """The PEM file of the company's authority, and what `trust` of network.toml names."""
        return self.folder / "pki/ca.pem"

    def answer(self, entries=None, *, forget=(), **one):
        """What DNS answers from now on: {name: {"A": [address…], "AAAA": […], "CNAME": name, "HTTPS": hex of the data,
        "TXT": hex, "rcode": "NXDOMAIN"|"SERVFAIL"|"REFUSED", "delay": seconds, "silent": true, "turns": [entry…]}};
        of `turns` each query for an A record takes the next, the last one stays. Others do not exist."""
        self._order(table={**(entries or {}), **one}, forget=list(forget))
        self._answered("done")

    def client_certificate(self):
        """(certificate, key) that MTLS lets in."""
        return self.authority.leaf("client", ["contractor.example.com"], usage="clientAuth"), self.folder / "pki/key.pem"

    def authority_file(self, name="ca"):
        """Key and certificate of an authority, as Carrel takes one from an admin; MTLS trusts those of "ca"."""
        return (self.folder / f"pki/{name}.key").read_text() + (self.folder / f"pki/{name}.pem").read_text()

    def git(self, repository, *words):
        """What git says of a repository that the world has."""
        return run("git", "-c", "safe.directory=*", "-C", str(self.folder / "git" / repository), *words, text=True)

    @functools.cache
    def big(self):
        """The SHA-256 of /big.bin, 64 MiB, which every web server has from now on."""
        digest, block = hashlib.sha256(), os.urandom(1 << 20)
        with open(self.folder / "www/common/big.bin", "wb") as file:
            for _ in range(BIG_BYTES >> 20):
                file.write(block)
                digest.update(block)
        return digest.hexdigest()

    # ---- what reached it -------------------------------------------------------------------------

    def _lines(self, name):
        text = (self.folder / name).read_text()
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def log(self, server=None):
        """What the servers but nginx noted, oldest first."""
        return [line for line in self._lines("log.jsonl") if server in (None, line["server"])]

    def requests(self, host=None):
        """HTTP requests that nginx answered or gave up."""
        return [line for line in self._lines("nginx.jsonl") if host in (None, line["host"])]

    def queries(self, name=None):
        """DNS questions."""
        return [line for line in self.log("dns") if name in (None, line["name"].lower())]

    def arrivals(self, to=None, port=None, protocol=None):
        """Every packet that came to this network from the host and opens a TCP connection or is neither TCP nor ICMPv6."""
        return [line for line in self.log("arrival")
                if to in (None, line["to"]) and port in (None, line["port"]) and protocol in (None, line["protocol"])]

    def ended(self, server, number=1, seconds=10):
        """Waits for the number-th connection to echo, sink or source to end; what the server notes of it."""
        found = self.wait_for(lambda: [line for line in self.log(server) if line.get("event") == "ended"][number - 1:], seconds,
                              f"connection {number} to {server} ends")
        return found[0]

    def wait_for(self, condition, seconds=10, what="condition"):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.log()[-20:]}\n{self.requests()[-20:]}")
            time.sleep(0.02)
        return found

    # ---- what the gateway is told ----------------------------------------------------------------

    def settings(self, *, resolvers=None, trust=None, proxy=False):
        """The text of network.toml: this world's resolver, authority and, where wanted, proxy."""
        lines = [f"resolvers = {toml(resolvers or [f'{self.dns_address}:53'])}", f"trust = {toml(str(trust or self.ca))}"]
        if proxy:
            lines.append("proxy = " + toml(f"http://{self.address}:{self.ports['proxy']}"))
        return "\n".join(lines) + "\n"

    def rule(self, host, *, ports=(443,), mode="inspect", addresses=("10.213.0.0/16",), http=None, up=None, down=None,
             credential=None):
        """One [[network]] table. `http`: a list of {"methods": […], "path": …, "max_body": …}; up, down: bytes or sizes."""
        lines = ["[[network]]", f"host = {toml(host)}", f"ports = {toml(ports)}", f"mode = {toml(mode)}"]
        if addresses:
            lines.append(f"addresses = {toml(addresses)}")
        if http is not None:
            lines.append(f"http = {toml(http)}")
        if credential:
            lines.append(f"credential = {toml(credential)}")
        budget = {name: f"{size}B" if isinstance(size, int) else size for name, size in (("up", up), ("down", down)) if size}
        if budget:
            lines.append(f"budget = {toml(budget)}")
        return "\n".join(lines) + "\n"

    def profile(self, *tables, name="fix"):
        """A whole profile with these tables (`rule`, or TOML of other kinds)."""
        return (f'profile = "{name}"\nversion = 1\nsummary = "Mend the widget."\n[purpose]\nstatement = "Ticket FE-1"\n' +
                "".join(tables))

    # ---- the same without Carrel -----------------------------------------------------------------

    def direct(self, *words, uid=0, environment=None, check=True, **options):
        """A program of this host's, as that user, with this world's names and authority: what the tests compare with."""
        bundle, resolv, home = self.folder / "bundle.pem", self.folder / "resolv.conf", self.folder / f"home.{uid}"
        if not bundle.exists():
            bundle.write_bytes(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes() + self.ca.read_bytes())
            resolv.write_text(f"nameserver {self.dns_address}\n")
        home.mkdir(exist_ok=True)
        os.chown(home, uid, uid)
        script = ('mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && mount --bind "$2" /etc/resolv.conf && shift 2 && '
                  f'exec setpriv --reuid {uid} --regid {uid} --clear-groups -- "$@"')
        given = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home), "LANG": "C.UTF-8", "NODE_EXTRA_CA_CERTS": str(self.ca),
                 "REQUESTS_CA_BUNDLE": str(bundle), "PIP_CERT": str(bundle), **(environment or {})}
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", str(bundle), str(resolv), *map(str, words)],
                              capture_output=True, env=given, cwd=home, **{"timeout": 120, **options})
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
        return done
