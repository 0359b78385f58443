"""What the outside world's servers have to give: repositories, and one tiny package of each kind of registry."""
import base64
import hashlib
import io
import json
import random
import subprocess
import tarfile
import zipfile

# What does not compress: for budgets.
LARGE = random.Random(20260102).randbytes(1 << 20)
# Its own time, so that nothing differs from run to run.
TIME = (2026, 1, 2, 3, 4, 6)


def write(folder):
    www = folder / "www"
    (www / "common").mkdir(parents=True)
    (www / "common/small.txt").write_text("small\n")
    (www / "common/other.txt").write_text("other\n")
    (www / "common/large.bin").write_bytes(LARGE)
    (www / "files.example.com").mkdir()
    npm(www / "registry.npmjs.org", www / "files.example.com")
    pip(www / "pypi.org", [(host, www / host) for host in ("files.pythonhosted.org", "files.example.com")])
    go(www / "proxy.golang.org", www / "files.example.com")
    repositories(folder / "git")
    cargo(folder / "git/acme/index.git", www / "files.example.com/crates")


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            content, entry = text if isinstance(text, bytes) else text.encode(), tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, TIME), text)
    return out.getvalue()


def npm(root, files):
    """The packages `tiny`, `@acme/scoped` and `large` as registry.npmjs.org describes them (npm's package-metadata.md)."""
    for name, folder, host, more in (("tiny", root, "registry.npmjs.org", {}), ("@acme/scoped", root, "registry.npmjs.org", {}),
                                     ("large", files, "files.example.com", {"package/large.bin": LARGE})):
        tarball = tar_of({"package/package.json": json.dumps({"name": name, "version": "1.0.0", "main": "index.js"}),
                          "package/index.js": f"module.exports = '{name} of npm';\n", **more})
        file = f"{name}/-/{name.split('/')[-1]}-1.0.0.tgz"
        put(folder / file, tarball)
        version = {"name": name, "version": "1.0.0", "main": "index.js", "dist": {
            "tarball": f"https://{host}/{file}", "shasum": hashlib.sha1(tarball).hexdigest(),
            "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()}}
        put(root / f"{name}.json", json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}))


def pip(index, hosts):
    """The packages `tiny` and `large` as a simple index (PEP 503) and wheels (PEP 427); `hosts`: (name, folder) of their files."""
    for name, (host, folder), more in (("tiny", hosts[0], {}), ("large", hosts[1], {"large.bin": LARGE})):
        info = f"{name}-1.0.dist-info"
        members = {f"{name}.py": f"NAME = '{name} of pip'\n", f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                   f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n", **more}
        members[f"{info}/RECORD"] = "".join(f"{member},,\n" for member in (*members, f"{info}/RECORD"))
        wheel, file = zip_of(members), f"{name}-1.0-py3-none-any.whl"
        put(folder / "packages" / file, wheel)
        link = f"https://{host}/packages/{file}#sha256={hashlib.sha256(wheel).hexdigest()}"
        put(index / f"simple/{name}/index.html", f'<!DOCTYPE html><html><body><a href="{link}">{file}</a></body></html>')


def go(root, files):
    """The modules example.com/tiny and example.com/Acme/large as a module proxy has them (go.dev/ref/mod#goproxy-protocol)."""
    for name, folder, more in (("example.com/tiny", root, {}), ("example.com/Acme/large", files, {"large.bin": LARGE})):
        at, module, package = folder / name.replace("A", "!a") / "@v", f"module {name}\n", name.split("/")[-1]
        put(at / "list", "v1.0.0\n")
        put(at / "v1.0.0.info", '{"Version":"v1.0.0","Time":"2026-01-02T03:04:05Z"}')
        put(at / "v1.0.0.mod", module)
        members = {"go.mod": module, f"{package}.go": f'package {package}\n\nconst Name = "{package} of go"\n', **more}
        put(at / "v1.0.0.zip", zip_of({f"{name}@v1.0.0/{member}": text for member, text in members.items()}))


def cargo(index, files):
    """The crates `tiny`, `large` and `other` in an index that is a git repository (cargo's registries.md), and their files."""
    entries = {"config.json": json.dumps({"dl": "https://files.example.com/crates/{crate}/{version}.crate"})}
    for name, more in (("tiny", {}), ("large", {"large.bin": LARGE}), ("other", {})):
        members = {"Cargo.toml": f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n',
                   "src/lib.rs": f'pub const NAME: &str = "{name} of cargo";\n', **more}
        crate = tar_of({f"{name}-1.0.0/{member}": text for member, text in members.items()})
        put(files / name / "1.0.0.crate", crate)
        entry = {"name": name, "vers": "1.0.0", "deps": [], "cksum": hashlib.sha256(crate).hexdigest(), "features": {}, "yanked": False}
        entries[f"{name[:2]}/{name[2:4]}/{name}"] = json.dumps(entry) + "\n"
    git("init", "-q", "--bare", "-b", "main", index)
    git("-C", index, "config", "http.receivepack", "false")
    changes = "".join(f"M 644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in entries.items())
    git("-C", index, "fast-import", "--quiet",
        input=f"commit refs/heads/main\ncommitter a <a@example.org> 1767323045 +0000\ndata 2\nc\n{changes}\n".encode())


def git(*words, **options):
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *map(str, words)], check=True, capture_output=True, env=environment, **options)


def repositories(root):
    """acme/widgets.git and acme/large.git, which nobody may push to; acme/contrib.git and mallory/loot.git, which take what comes."""
    first = root / "acme/widgets.git"
    first.mkdir(parents=True)
    git("init", "-q", "--bare", "-b", "main", first)
    stream = "".join(f"commit refs/heads/main\nmark :{n}\ncommitter a <a@example.org> {1767323045 + n} +0000\ndata 2\nc\n" +
                     f"M 644 inline README.md\ndata {len(f'widgets {n}')}\nwidgets {n}\n\n" for n in (1, 2))
    git("-C", first, "fast-import", "--quiet", input=stream.encode())
    git("-C", first, "config", "http.receivepack", "false")
    for name in ("acme/contrib.git", "mallory/loot.git"):
        (root / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", str(first), str(root / name)], check=True)
        git("-C", root / name, "config", "http.receivepack", "true")
    large = root / "acme/large.git"
    git("init", "-q", "--bare", "-b", "main", large)
    git("-C", large, "config", "http.receivepack", "false")
    git("-C", large, "fast-import", "--quiet", input=b"commit refs/heads/main\ncommitter a <a@example.org> 1767323045 +0000\ndata 2\nc\n"
        b"M 644 inline large.bin\ndata %d\n%s\n\n" % (len(LARGE), LARGE))
