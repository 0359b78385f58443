#include "tests/unit/profiles/extends/probes.h"

#include <algorithm>

#include "profiles/base/cidr.h"
#include "profiles/decide/decide.h"

namespace carrel::tests {
namespace {

using model::Profile;

class Asker {
 public:
  explicit Asker(const Profile& profile) : profile_(profile), policy_(profile) {}

  std::vector<Probe> run() {
    for (const char* name : {"app", "lib"})
      ask_repository(name);
    for (const char* host : {"x.example", "y.example"})
      ask_network(host);
    for (const char* name : {"c1", "c2"})
      ask_credential(name);
    ask_session();
    ask_amounts();
    ask_rest();
    return std::move(probes_);
  }

 private:
  void ask(std::string words, std::string speaks, bool allowed) {
    probes_.push_back({std::move(words), std::move(speaks), allowed});
  }

  template <typename List, typename Is>
  static const typename List::value_type* first(const List& list, Is is) {
    const auto found = std::find_if(list.begin(), list.end(), is);
    return found == list.end() ? nullptr : &*found;
  }

  void ask_repository(const std::string& name) {
    const auto* found = first(profile_.repositories, [&](const auto& r) { return r.name == name; });
    ask("repository " + name, "repository", found != nullptr);
    const std::string key = "repository." + name;
    for (const char* path : {"a", "a/1", "a/secret", "a/secret/1", "b", "b/x", "b/x/n/1", "b/w/1",
                             "c", "d/y", "d/y/z/1", "e", "e/1", "e/keys/1", "f/x/1", "g/1", "h"}) {
      for (const auto operation : {decide::Operation::kOpenRead, decide::Operation::kOpenWrite}) {
        const bool writes = operation == decide::Operation::kOpenWrite;
        const std::string full = "/workspaces/" + name + "/" + path;
        decide::FileAttempt attempt;
        attempt.operation = operation;
        attempt.path = full;
        const bool allowed =
            decide::decide_file(policy_, attempt).verdict == decide::Verdict::kAllowed;
        ask((writes ? "write " : "read ") + full, key + ".entries", allowed);
        attempt.error = ENOENT;
        const bool hidden =
            decide::decide_file(policy_, attempt).rule.find(".never.") != std::string_view::npos;
        ask("not hide " + full, key + ".never", found != nullptr && !hidden);
      }
    }
    if (found == nullptr) {
      for (int i = 0; i < 9; ++i)
        ask(key, "repository", false);
      return;
    }
    ask(key + " of /srv/b", key + ".source", found->source == "/srv/b");
    ask(key + " of /srv/a", key + ".source", found->source == "/srv/a");
    ask(key + " at dev", key + ".ref", found->ref == "dev");
    ask(key + " at main", key + ".ref", found->ref == "main");
    ask(key + " squashed", key + ".history", found->history == model::History::kSquashed);
    ask(key + " filtered", key + ".history", found->history == model::History::kFiltered);
    ask(key + " writable copy", key + ".enforce", found->enforce == model::Enforce::kGate);
    ask(key + " submit on", key + ".submit",
        found->submit && found->submit->refs == "refs/heads/on/*");
    ask(key + " one reviewer", key + ".submit", found->submit && !found->submit->two_person);
  }

  static bool matches(std::string_view path, std::string_view pattern) {
    if (pattern == "/**") return true;
    if (pattern == "/a/**") return path.starts_with("/a/");
    if (pattern == "/a/*") return path.starts_with("/a/") && path.find('/', 3) == path.npos;
    if (pattern == "/*/b") return path == "/a/b" || path == "/c/b" || path == "/e/b";
    return path == pattern;
  }

  void ask_network(const std::string& host) {
    const auto* found = first(profile_.networks, [&](const auto& n) { return n.host == host; });
    const std::string key = "network." + host;
    ask("network " + host, "network", found != nullptr);
    for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
      const bool open =
          found != nullptr && std::count(found->ports.begin(), found->ports.end(), port) > 0;
      ask(key + " port " + std::to_string(port), key + ".ports", open);
      for (const auto mode : {model::NetworkMode::kPassthrough, model::NetworkMode::kTcp}) {
        ask(key + " unread", key + ".mode", found != nullptr && found->mode == mode);
      }
    }
    for (const char* method : {"GET", "POST", "PUT"}) {
      for (const char* path : {"/", "/a/b", "/a/c", "/c/b", "/a/b/c", "/d"}) {
        for (const uint64_t body : {0U, 1U, 2000U, 100000U}) {
          ask(key + " " + method + " " + path, key + ".http",
              found != nullptr && passes(*found, {.method = method, .path = path, .body = body}));
        }
      }
    }
    ask_requests_of_git(found, key);
    for (const Request& request : {Request{.method = "GET", .path = "/a/b", .header = "x-a"},
                                   Request{.method = "GET", .path = "/a/b", .header = "x-b"},
                                   Request{.method = "GET", .path = "/a/b", .upgrade = true}}) {
      ask(key + " with more", key + ".http", found != nullptr && passes(*found, request));
    }
    for (const char* address : {"10.1.2.3/32", "10.20.1.1/32", "fd00::1/128"})
      ask(key + " in " + address, key + ".addresses", found != nullptr && lies_in(*found, address));
    for (const uint64_t bytes : {1U << 10, 1U << 20, 1U << 30}) {
      ask(key + " up", key + ".budget",
          found != nullptr && (!found->budget.up || *found->budget.up >= bytes));
      ask(key + " down", key + ".budget",
          found != nullptr && (!found->budget.down || *found->budget.down >= bytes));
    }
  }

  struct Request {
    std::string method;
    std::string path;
    uint64_t body = 0;
    std::string header = {};
    bool upgrade = false;
    std::string ref = {};  // of a push
  };

  void ask_requests_of_git(const model::Network* found, const std::string& key) {
    for (const char* repository : {"/a/b", "/a/b.git", "/d", "/e"}) {
      const std::string base = repository;
      std::vector<Request> requests = {
          {.method = "GET", .path = base + "/info/refs?service=git-upload-pack"},
          {.method = "GET", .path = base + "/info/refs?service=git-receive-pack"},
          {.method = "POST", .path = base + "/git-upload-pack"}};
      for (const char* ref :
           {"refs/heads/in/x", "refs/heads/in/y/z", "refs/heads/main", "refs/tags/v1"}) {
        requests.push_back({.method = "POST", .path = base + "/git-receive-pack", .ref = ref});
      }
      for (const Request& request : requests) {
        ask(key + " " + request.method + " " + request.path + " " + request.ref, key + ".http",
            found != nullptr && passes(*found, request));
      }
    }
  }

  static bool lies_in(const model::Network& network, std::string_view address) {
    return std::any_of(network.addresses.begin(), network.addresses.end(), [&](const auto& each) {
      return Cidr::parse(each.text).value().holds(Cidr::parse(address).value());
    });
  }

  static bool ref_matches(std::string_view ref, std::string_view pattern) {
    if (pattern == "refs/heads/**") return ref.starts_with("refs/heads/");
    if (pattern == "refs/heads/in/*") return ref == "refs/heads/in/x";
    if (pattern == "refs/tags/*") return ref == "refs/tags/v1";
    return ref == pattern;
  }

  static bool is_of_git(const model::HttpRule& rule, const Request& request) {
    for (const std::string& base : {rule.repository, rule.repository + ".git"}) {
      const bool push = rule.preset == "git-push";
      if (request.path == base + "/info/refs?service=git-upload-pack") return true;
      if (request.path == base + "/git-upload-pack") return true;
      if (push && request.path == base + "/info/refs?service=git-receive-pack") return true;
      if (push && request.path == base + "/git-receive-pack") {
        return std::any_of(rule.refs.begin(), rule.refs.end(),
                           [&](const auto& each) { return ref_matches(request.ref, each.text); });
      }
    }
    return false;
  }

  static bool is_plain(const model::HttpRule& rule, const Request& request) {
    const bool named = std::any_of(rule.methods.begin(), rule.methods.end(),
                                   [&](const auto& entry) { return entry.text == request.method; });
    return named && matches(request.path.substr(0, request.path.find('?')), rule.path);
  }

  static bool passes(const model::Network& network, const Request& request) {
    if (network.mode != model::NetworkMode::kInspect) return true;
    const bool fits = request.body <= (request.method == "GET" ? 0U : 65536U);
    if (network.http.empty()) return request.header.empty() && !request.upgrade && fits;
    const bool presets = std::any_of(network.http.begin(), network.http.end(),
                                     [](const auto& rule) { return !rule.preset.empty(); });
    const bool of_git =
        request.path.find("/info/refs?") != std::string::npos || request.path.ends_with("-pack");
    return std::any_of(network.http.begin(), network.http.end(), [&](const model::HttpRule& rule) {
      if (rule.preset.empty() && presets && of_git) return false;
      const bool header =
          request.header.empty() ||
          std::any_of(rule.headers.begin(), rule.headers.end(),
                      [&](const auto& each) { return each.text == request.header; });
      return (rule.preset.empty() ? is_plain(rule, request) : is_of_git(rule, request)) && header &&
             (!request.upgrade || rule.upgrade) &&
             (rule.max_body ? request.body <= *rule.max_body : fits);
    });
  }

  void ask_credential(const std::string& name) {
    const auto* found = first(profile_.credentials, [&](const auto& c) { return c.name == name; });
    const std::string key = "credential." + name;
    ask(key, "credential", found != nullptr);
    for (const char* audience : {"u", "v"})
      ask(key + " for " + audience, key + ".audience",
          found != nullptr && found->audience == audience);
    for (const auto alg : {model::TokenAlg::kEdDsa, model::TokenAlg::kEs256})
      ask(key + " alg", key + ".alg", found != nullptr && found->alg == alg);
    for (const uint64_t ttl : {30U, 120U, 600U})
      ask(key + " ttl", key + ".ttl", found != nullptr && found->ttl_s >= ttl);
    ask(key + " unasked", key + ".issue",
        found != nullptr && found->issue == model::CredentialIssue::kStart);
  }

  void ask_session() {
    const model::SessionRules& session = profile_.session;
    for (const uint64_t seconds : {3600U, 7200U, 28800U, 1000000U}) {
      ask("last", "session.max_duration",
          session.max_duration_s == 0 || session.max_duration_s >= seconds);
      ask("idle", "session.idle_timeout",
          session.idle_timeout_s == 0 || session.idle_timeout_s >= seconds);
    }
    ask("not full", "session.assurance", session.assurance == model::AssuranceLevel::kBest);
    ask("unsealed", "session.start_after", session.start_after == model::StartAfter::kRecorded);
    ask("unanchored", "session.start_after", session.start_after < model::StartAfter::kAnchored);
    ask("keys", "session.keystrokes", session.keystrokes == model::Keystrokes::kFull);
    ask("no keys", "session.keystrokes", session.keystrokes == model::Keystrokes::kOff);
    for (const char* zone : {"UTC", "Europe/Berlin"}) {
      for (int minute = 0; minute < 7 * 1440; minute += 30)
        ask("open at " + std::to_string(minute) + " of " + zone, "session.hours",
            open_at(zone, minute));
    }
  }

  [[nodiscard]] bool open_at(std::string_view zone, int minute) const {
    if (!profile_.session.hours) return true;
    const model::Hours& hours = *profile_.session.hours;
    if (hours.zone != zone) return false;
    for (int day = 0; day < 7; ++day) {
      if ((hours.days >> day & 1) == 0) continue;
      const int start = day * 1440 + hours.from_min;
      const int length = (hours.to_min + 1440 - hours.from_min) % 1440;
      const int since = (minute + 7 * 1440 - start) % (7 * 1440);
      if (since < (length == 0 ? 1440 : length)) return true;
    }
    return false;
  }

  void ask_amounts() {
    const model::Limits& limits = profile_.limits;
    const std::pair<const char*, uint64_t> rows[] = {
        {"cpu", limits.cpu_milli == 0 ? UINT64_MAX : limits.cpu_milli},
        {"memory", limits.memory_bytes},
        {"processes", limits.processes},
        {"disk", limits.disk_bytes},
        {"inodes", limits.inodes},
        {"tmpfs", limits.tmpfs_bytes},
        {"open_files", limits.open_files}};
    for (const auto& [key, value] : rows) {
      for (uint64_t amount = 100; amount < uint64_t{1} << 40; amount += amount / 4)
        ask(key, "limits." + std::string(key), value >= amount);
    }
  }

  void ask_rest() {
    for (const uint16_t port : {uint16_t{80}, uint16_t{3000}}) {
      ask("forward", "forward",
          first(profile_.forwards, [&](const auto& f) { return f.port == port; }) != nullptr);
    }
    for (const char* package : {"gcc", "make"}) {
      ask("package", "toolchain.packages", first(profile_.toolchain.packages, [&](const auto& p) {
                                             return p.text == package;
                                           }) != nullptr);
    }
    ask("image", "toolchain.root", profile_.toolchain.root != "host");
    ask("host", "toolchain.root", profile_.toolchain.root == "host");
    for (const char* name : {"a", "b", "c"}) {
      const auto& names = profile_.purpose.recipients;
      ask("recipient", "purpose.recipients",
          names.empty() || first(names, [&](const auto& p) { return p.text == name; }) != nullptr);
    }
    ask("no agreement", "purpose.agreement", !profile_.purpose.agreement);
    for (const uint64_t days : {1U, 7U, 100U}) {
      ask("keep", "retention.workspace",
          profile_.retention.workspace_s == 0 || profile_.retention.workspace_s >= days * 86400);
    }
  }

  const Profile& profile_;
  decide::Policy policy_;
  std::vector<Probe> probes_;
};

}  // namespace

std::vector<Probe> probes(const Profile& profile) {
  return Asker(profile).run();
}

}  // namespace carrel::tests
