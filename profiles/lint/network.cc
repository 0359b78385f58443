#include "profiles/lint/network.h"

#include <algorithm>
#include <array>

#include "profiles/base/cidr.h"
#include "profiles/base/text.h"
#include "profiles/decide/git_requests.h"
#include "profiles/lint/hosts.h"
#include "profiles/model/words.h"

namespace carrel::lint {
namespace {

using model::HttpRule;
using model::NetworkMode;
using model::SourceLine;

constexpr unsigned kWideV4Bits = 16;
constexpr unsigned kWideV6Bits = 48;

std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

/// Whether a request may change something or carry a body.
bool is_write(const HttpRule& rule) {
  if (!rule.preset.empty()) return rule.preset == model::kGitPush;
  return std::any_of(rule.methods.begin(), rule.methods.end(), [](const auto& method) {
    return method.text != "GET" && method.text != "HEAD" && method.text != "OPTIONS";
  });
}

/// Whether the path's first component is written out, so that it says whose the account is.
bool names_account(const HttpRule& rule) {
  return !rule.preset.empty() || (rule.path.size() > 1 && !rule.path.starts_with("/*"));
}

class NetworkLinter {
 public:
  explicit NetworkLinter(const model::Network& network)
      : network_(network),
        rule_("network." + network.host),
        facts_(facts_of(network.host)),
        inspected_(network.mode == NetworkMode::kInspect) {}

  std::vector<Finding> run() {
    look_at_owner();
    look_at_kind();
    look_at_traffic();
    for (const HttpRule& rule : network_.http)
      look_at(rule);
    look_at_ports();
    look_at_addresses();
    waive();
    return std::move(found_);
  }

 private:
  void add(Grade grade, SourceLine where, std::string_view key, const std::string& words) {
    found_.push_back({grade, where, rule_ + std::string(key), words});
  }

  [[nodiscard]] bool any_write() const {
    return network_.http.empty() ||
           std::any_of(network_.http.begin(), network_.http.end(), is_write);
  }

  /// Whose account what is sent can reach.
  void look_at_owner() {
    if (facts_.sharing == Sharing::kNone) return;
    const bool by_name = facts_.sharing == Sharing::kByName;
    const std::string start =
        named(network_.host) + " lies at " + std::string(facts_.kind) + ": " +
        (by_name ? "it belongs to whoever registered that name"
                 : "anybody can have an account there and receive what is sent");
    if (inspected_ && !network_.credential.empty()) {
      add(Grade::kNote, network_.where, "",
          start + "; the gateway's own credential is put in place of others");
    } else if (inspected_ && !any_write()) {
      const bool narrow = by_name || facts_.packages ||
                          std::all_of(network_.http.begin(), network_.http.end(), names_account);
      add(narrow ? Grade::kNote : Grade::kWarning, network_.where, "",
          start + (narrow ? "; here it is only read"
                          : "; anybody's part of it may be read, and what is asked for can carry "
                            "something out: name the account in each path"));
    } else if (by_name && inspected_) {
      add(Grade::kWarning, network_.where, "",
          start + "; make sure that it is the one that is meant, and name a credential");
    } else {
      add(Grade::kDanger, network_.where, "",
          start +
              "; write mode = \"inspect\" and a credential, which replaces others, or let "
              "named paths only be read");
    }
  }

  /// What the service is there for.
  void look_at_kind() {
    if (facts_.dns) {
      add(Grade::kDanger, network_.where, "",
          named(network_.host) +
              " answers DNS questions over HTTPS: each question carries something out, and the "
              "gateway's own DNS answers all that a workspace needs; take it out");
    }
    if (facts_.cdn && !inspected_) {
      add(Grade::kDanger, network_.where, ".mode",
          named(network_.host) +
              " lies at a CDN that many share, and nobody reads which of its names is asked for "
              "inside the TLS; write mode = \"inspect\"");
    } else if (network_.mode == NetworkMode::kPassthrough) {
      add(Grade::kNote, network_.where, ".mode",
          "nobody reads what is said to " + named(network_.host) +
              "; where it lies at a CDN, other names can be asked for inside the TLS");
    }
  }

  void look_at_traffic() {
    if (inspected_ && network_.http.empty()) {
      add(Grade::kWarning, network_.where, "",
          "every request to " + named(network_.host) +
              " passes; write http rules for those that the task needs");
    }
    if (inspected_ || network_.budget.up) return;
    add(Grade::kWarning, network_.where, ".budget",
        "what is sent to " + named(network_.host) +
            " is neither read nor bounded; write budget = { up = \"…\" }");
  }

  void look_at(const HttpRule& rule) {
    const bool bounded = rule.max_body || network_.budget.up;
    if (is_write(rule) && !bounded) {
      add(Grade::kWarning, rule.where, ".http",
          "nothing bounds what is sent to " + named(network_.host) +
              " in all; write budget = { up = \"…\" }, or at least max_body");
    }
    if (rule.preset.empty() && is_write(rule) && rule.path.find('*') != std::string::npos) {
      add(Grade::kWarning, rule.where, ".http",
          "requests that change something may go to every path that " + named(rule.path) +
              " stands for; write out the paths that the task needs");
    }
    if (rule.upgrade) {
      add(network_.budget.up ? Grade::kNote : Grade::kWarning, rule.where, ".http",
          "a websocket at " + named(rule.path) + " carries bytes that nobody reads" +
              (network_.budget.up ? "; the budget bounds them"
                                  : "; write budget = { up = \"…\" }, or take upgrade out"));
    }
    if (rule.escaped_slash) {
      add(Grade::kNote, rule.where, ".http",
          "\"%2F\" may stand within a component of " + named(rule.path) +
              "; where the host takes it for a slash, * stands for more components than one");
    }
    if (rule.preset == model::kGitPush) look_at_refs(rule);
    if (rule.preset.empty()) look_at_git(rule);
  }

  /// A plain rule that seems to let pass what a preset is there to look into. The gateway leaves it
  /// to the preset; whoever reads or changes the profile should not have to know.
  void look_at_git(const HttpRule& rule) {
    decide::GitOverlap worst = decide::GitOverlap::kNone;
    const HttpRule* of = nullptr;
    for (const HttpRule& preset : network_.http) {
      const decide::GitOverlap found = decide::overlap_of(rule, preset);
      if (found <= worst) continue;
      worst = found;
      of = &preset;
    }
    if (of == nullptr) return;
    const bool bodies = worst == decide::GitOverlap::kBodies;
    add(bodies ? Grade::kDanger : Grade::kWarning, rule.where, ".http",
        named(rule.path) + " holds requests of git's to " + named(of->repository) +
            ", which pass by the " + named(of->preset) + " alone" +
            (bodies ? "; without it every fetch and push would: write out the other paths" : ""));
  }

  void look_at_refs(const HttpRule& rule) {
    constexpr std::array<std::string_view, 7> kWide = {
        "refs/**",       "refs/*/*",    "refs/*/**",   "refs/heads/*",
        "refs/heads/**", "refs/tags/*", "refs/tags/**"};
    if (rule.refs.empty()) {
      add(Grade::kDanger, rule.where, ".http",
          "a push to " + named(rule.repository) + " may change every ref; write refs");
    }
    for (const model::TextEntry& entry : rule.refs) {
      if (std::find(kWide.begin(), kWide.end(), entry.text) == kWide.end()) continue;
      add(Grade::kWarning, entry.where, ".http",
          "a push to " + named(rule.repository) + " may change all of " + named(entry.text) +
              ", released work too; name a place for contributions, like "
              "\"refs/heads/contrib/*\"");
    }
  }

  void look_at_ports() {
    const bool plain = inspected_ && std::find(network_.ports.begin(), network_.ports.end(), 80) !=
                                         network_.ports.end();
    if (!plain) return;
    if (network_.credential.empty()) {
      add(Grade::kNote, network_.where, ".ports",
          "what passes port 80 of " + named(network_.host) +
              " can be read and changed on its way; write ports = [443] where it has it");
    } else {
      add(Grade::kDanger, network_.where, ".ports",
          "credential " + named(network_.credential) + " goes to port 80 of " +
              named(network_.host) + " in plain text; write ports = [443]");
    }
  }

  void look_at_addresses() {
    for (const model::TextEntry& entry : network_.addresses) {
      const auto cidr = Cidr::parse(entry.text);
      if (!cidr.ok()) continue;
      const bool wide = cidr.value().bits < (cidr.value().v6 ? kWideV6Bits : kWideV4Bits);
      add(wide ? Grade::kWarning : Grade::kNote, entry.where, ".addresses",
          "whoever answers for the name " + named(network_.host) + " says which host in " +
              named(entry.text) + " is reached" +
              (wide ? "; write the network in which it lies, no more" : ""));
    }
  }

  /// What somebody answers for is still said, with the name.
  void waive() {
    if (!network_.waiver) return;
    const model::Waiver& waiver = *network_.waiver;
    bool waived = false;
    for (Finding& finding : found_) {
      if (finding.grade != Grade::kDanger) continue;
      waived = true;
      finding.grade = Grade::kNote;
      finding.words =
          "waived by " + named(waiver.by) + " (" + quoted(waiver.reason) + "): " + finding.words;
    }
    if (waived) return;
    add(Grade::kNote, waiver.where, "",
        "the waiver by " + named(waiver.by) + " waives nothing; take it out");
  }

  const model::Network& network_;
  const std::string rule_;
  const HostFacts facts_;
  const bool inspected_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> look_at_network(const model::Network& network) {
  return NetworkLinter(network).run();
}

}  // namespace carrel::lint
