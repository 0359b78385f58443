#include "tests/unit/profiles/extends/random_profile.h"

#include <vector>

namespace carrel::tests {
namespace {

class Writer {
 public:
  Writer(std::mt19937_64& random, bool whole) : random_(random), whole_(whole) {}

  std::string run(const std::string& extends) {
    if (whole_) out_ += "profile = \"p\"\nversion = 1\nsummary = \"s\"\n";
    if (!extends.empty()) out_ += "extends = [" + extends + "]\n";
    for (const char* kind : {"repository", "network", "credential", "forward", "interface"}) {
      if (chance(20)) {
        out_ += std::string(kind) + " = []\n";
        emptied_.push_back(kind);
      }
    }
    purpose();
    session();
    limits();
    toolchain();
    for (const char* name : {"app", "lib"}) {
      if (chance(2)) repository(name);
    }
    for (const char* host : {"x.example", "y.example"}) {
      if (chance(3)) network(host);
    }
    for (const char* name : {"c1", "c2"}) {
      if (chance(3)) credential(name);
    }
    for (const char* port : {"80", "3000"}) {
      if (chance(5) && !is_emptied("forward"))
        out_ += "[[forward]]\nport = " + std::string(port) + "\n";
    }
    if (chance(6)) out_ += "[retention]\nworkspace = \"" + one({"1d", "7d"}) + "\"\n";
    return out_;
  }

 private:
  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool chance(size_t one_in) { return below(one_in) == 0; }
  std::string one(const std::vector<std::string>& choices) {
    return choices[below(choices.size())];
  }
  bool is_emptied(const std::string& kind) {
    for (const std::string& each : emptied_) {
      if (each == kind) return true;
    }
    return false;
  }
  void maybe(size_t one_in, const std::string& key, const std::vector<std::string>& choices) {
    if (chance(one_in)) out_ += key + " = " + one(choices) + "\n";
  }
  std::string some(const std::vector<std::string>& choices) {
    std::string list;
    for (const std::string& choice : choices) {
      if (chance(2)) list += (list.empty() ? "" : ", ") + choice;
    }
    return "[" + list + "]";
  }

  void purpose() {
    if (!whole_ && !chance(3)) return;
    out_ += "[purpose]\n";
    if (whole_) out_ += "statement = \"why\"\n";
    maybe(4, "recipients", {"[\"a\"]", "[\"a\", \"b\"]", "[\"c\"]"});
    maybe(6, "agreement", {"{ file = \"n\", version = 1 }", "{ file = \"n\", version = 2 }"});
  }

  void session() {
    if (!chance(2)) return;
    out_ += "[session]\n";
    maybe(2, "max_duration", {"\"1h\"", "\"2h\"", "\"8h\""});
    maybe(4, "idle_timeout", {"\"5m\"", "\"30m\""});
    maybe(6, "assurance", {"\"full\"", "\"best\""});
    maybe(6, "keystrokes", {"\"off\"", "\"full\""});
    maybe(6, "start_after", {"\"recorded\"", "\"sealed\"", "\"anchored\""});
    if (chance(4)) {
      out_ += "hours = { days = \"" + one({"mon-fri", "mon-sun", "mon,wed", "sat"}) +
              "\", from = \"" + one({"07:00", "08:00", "22:00"}) + "\", to = \"" +
              one({"06:00", "18:00", "20:00", "24:00"}) + "\", zone = \"" +
              one({"UTC", "Europe/Berlin"}) + "\" }\n";
    }
  }

  void limits() {
    if (!chance(3)) return;
    out_ += "[limits]\n";
    maybe(3, "cpu", {"\"1\"", "\"2.5\""});
    maybe(3, "memory", {"\"1GiB\"", "\"4GiB\"", "\"8GiB\""});
    maybe(4, "processes", {"100", "512", "1000"});
    maybe(4, "disk", {"\"1GiB\"", "\"20GiB\""});
    maybe(4, "inodes", {"1000", "2000000"});
    maybe(4, "tmpfs", {"\"1MiB\"", "\"2GiB\""});
    maybe(4, "open_files", {"1000", "5000"});
  }

  void toolchain() {
    if (!chance(5)) return;
    out_ += "[toolchain]\n";
    maybe(3, "root", {"\"host\"", "\"/srv/image\""});
    maybe(2, "packages", {"[\"gcc\"]", "[\"gcc\", \"make\"]"});
  }

  void repository(const std::string& name) {
    if (is_emptied("repository")) return;
    out_ += "[[repository]]\nname = \"" + name + "\"\n";
    if (whole_ || chance(2)) out_ += "source = \"/srv/" + one({"a", "a", "a", "b"}) + "\"\n";
    if (whole_ || chance(2)) out_ += "ref = \"" + one({"main", "main", "main", "dev"}) + "\"\n";
    maybe(8, "history", {"\"none\"", "\"squashed\"", "\"filtered\""});
    maybe(8, "enforce", {"\"bind\"", "\"gate\""});
    if (chance(2)) out_ += "read = " + some({"\"a\"", "\"b/x\"", "\"c\"", "\"d/y/z\""}) + "\n";
    if (chance(2)) out_ += "write = " + some({"\"e\"", "\"f/x\"", "\"b/w\""}) + "\n";
    if (chance(3))
      out_ += "never = " + some({"\"a/secret\"", "\"e/keys\"", "\"b/x/n\"", "\"g\""}) + "\n";
    if (chance(8)) {
      out_ += "submit = { refs = \"refs/heads/" + one({"in", "on"}) +
              "/*\", reviewers = " + one({"[\"l\"]", "[\"l\", \"m\"]"}) +
              ", two_person = " + one({"true", "false"}) + " }\n";
    }
  }

  void network(const std::string& host) {
    if (is_emptied("network")) return;
    out_ += "[[network]]\nhost = \"" + host + "\"\n";
    if (whole_ || chance(2)) out_ += "ports = " + one({"[443]", "[443, 80]", "[80]"}) + "\n";
    const bool inspect = chance(2);
    if (!inspect || chance(2)) {
      out_ += "mode = \"" + (inspect ? "inspect" : one({"passthrough", "tcp"})) + "\"\n";
    }
    if (inspect && chance(2)) {
      out_ += "http = [{ " + (chance(3) ? git_rule() : plain_rule()) +
              one({"", ", max_body = \"0B\"", ", max_body = \"1KiB\""}) +
              one({"", "", ", headers = [\"x-a\"]", ", headers = [\"x-a\", \"x-b\"]"}) + " }]\n";
    }
    maybe(6, "addresses", {"[\"10.0.0.0/8\"]", "[\"10.20.0.0/16\", \"fd00::/8\"]"});
    if (chance(4)) {
      out_ += "budget = { up = \"" + one({"1KiB", "1MiB"}) + "\", down = \"" +
              one({"1KiB", "1MiB"}) + "\" }\n";
    }
  }

  std::string plain_rule() {
    return "methods = " + one({"[\"GET\"]", "[\"GET\", \"POST\"]"}) + ", path = \"" +
           one({"/**", "/a/**", "/a/*", "/*/b", "/a/b"}) + "\"" +
           one({"", "", ", upgrade = true"}) +
           one({"", "", ", max_body = \"1KiB\"", ", max_body = \"64KiB\"",
                ", max_body = \"1MiB\""});
  }

  std::string git_rule() {
    const std::string repository = ", repository = \"" + one({"/a/b", "/a/b", "/d"}) + "\"";
    if (chance(2)) return "preset = \"git-fetch\"" + repository;
    return "preset = \"git-push\"" + repository + ", refs = " +
           one({"[\"refs/heads/in/*\"]", "[\"refs/heads/**\"]",
                "[\"refs/heads/in/x\", \"refs/tags/*\"]"});
  }

  void credential(const std::string& name) {
    if (is_emptied("credential")) return;
    out_ += "[[credential]]\nname = \"" + name + "\"\n";
    if (whole_ || chance(2)) out_ += "audience = \"" + one({"u", "u", "v"}) + "\"\n";
    maybe(4, "alg", {"\"EdDSA\"", "\"ES256\""});
    maybe(2, "ttl", {"\"30s\"", "\"2m\"", "\"10m\""});
    maybe(3, "issue", {"\"request\"", "\"request\"", "\"start\""});
  }

  std::mt19937_64& random_;
  bool whole_;
  std::string out_;
  std::vector<std::string> emptied_;
};

}  // namespace

std::string random_source(std::mt19937_64& random, bool whole, const std::string& extends) {
  return Writer(random, whole).run(extends);
}

}  // namespace carrel::tests
