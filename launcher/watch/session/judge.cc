#include "launcher/watch/session/judge.h"

#include <arpa/inet.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "launcher/box/plan/seccomp_table.h"
#include "profiles/decide/network.h"

namespace carrel::session {
namespace {

using decide::Decision;
using decide::FileAttempt;
using decide::Operation;

constexpr Decision kSeen{decide::Verdict::kObserved, ""};

/// A file operation as the denial table looks at it; nothing for what is no file operation. The
/// views point into the data.
struct AttemptOf {
  using Attempt = std::optional<FileAttempt>;

  Attempt operator()(const events::ProcessExec& data) const { return one(Operation::kExec, data); }
  Attempt operator()(const events::ProcessExecFailed& data) const {
    return one(Operation::kExec, data);
  }
  Attempt operator()(const events::FileOpen& data) const {
    return one(decide::open_operation(data.flags), data);
  }
  /// Only files that were written are reported as closed.
  Attempt operator()(const events::FileClose& data) const {
    return one(Operation::kOpenWrite, data);
  }
  Attempt operator()(const events::FileRename& data) const {
    return FileAttempt{.operation = Operation::kRename, .path = data.from, .other = data.to};
  }
  Attempt operator()(const events::FileUnlink& data) const { return one(Operation::kUnlink, data); }
  Attempt operator()(const events::FileMake& data) const {
    FileAttempt attempt{.operation = Operation::kMake, .path = data.path, .other = ""};
    // A symbolic link's target is text, not a place that was touched.
    if (data.how == "link") attempt.other = data.target;
    return attempt;
  }
  Attempt operator()(const events::FileEnter& data) const { return one(Operation::kEnter, data); }
  Attempt operator()(const events::FileProbe& data) const { return one(Operation::kProbe, data); }
  template <typename Other>
  Attempt operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  template <typename Data>
  static FileAttempt one(Operation operation, const Data& data) {
    return FileAttempt{.operation = operation, .path = data.path, .other = ""};
  }
};

/// 198.18.0.0/15 (RFC 2544), where the gateway's addresses lie.
bool is_synthetic(const std::string& address) {
  in_addr parsed{};
  constexpr uint32_t kNetwork = 0xC6120000;
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 &&
         (ntohl(parsed.s_addr) & 0xFFFE0000) == kNetwork;
}

/// The table's row, when the refusal is an event; it names the call.
const plan::Row* refusing_row(const sensor::Observation& seen) {
  if (!seen.raw.has_value()) return nullptr;
  return plan::refused_by(plan::contractor_table(), seen.raw->number, seen.raw->args,
                          static_cast<int>(-seen.raw->result));
}

}  // namespace

Judge::Judge(const model::Profile& profile) : policy_(profile), profile_(profile) {}

/// The gateway gives an address to no name but those that some rule allows.
void Judge::learn(const std::string& address, const std::string& name) {
  constexpr size_t kMost = 4096;  // a workspace is given no more
  const bool known = decide::network_for(profile_, name, grants_.list()) != nullptr;
  if (!is_synthetic(address) || !known || names_.size() >= kMost) return;
  names_.try_emplace(address, name);
}

/// "198.18.0.1" of "::ffff:198.18.0.1".
std::string_view Judge::without_mapping(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
  return address;
}

/// A sensor outside of the kernel foresees ENETUNREACH, for it knows of no way out. Where there is
/// one every address is local: the gateway takes what leads to a name, all else is refused. In
/// truth only multicast and broadcast are unreachable then.
int Judge::error_of(const events::NetConnect& connect, int error) const {
  const bool far = connect.family == "inet" || connect.family == "inet6";
  if (error != ENETUNREACH || profile_.networks.empty() || !far) return error;
  const std::string_view address = without_mapping(connect.address);
  if (names_.contains(std::string(address))) return 0;
  const bool many =
      address.starts_with("ff") || address == "255.255.255.255" ||
      (address.size() > 3 && address[3] == '.' && address >= "224." && address < "240.");
  return many ? error : ECONNREFUSED;
}

/// To where the gateway answers: by the rule of the name behind the address. Nothing: elsewhere.
std::optional<Decision> Judge::decide_way_out(const events::NetConnect& connect) {
  constexpr uint32_t kDns = 53;
  if (profile_.networks.empty() || (connect.family != "inet" && connect.family != "inet6")) {
    return std::nullopt;
  }
  if (connect.port == kDns) return kSeen;  // what is asked there is the gateway's to tell
  const auto name = names_.find(std::string(without_mapping(connect.address)));
  if (name == names_.end()) return std::nullopt;
  if (connect.port > UINT16_MAX) return std::nullopt;
  decide::NetworkDecision decision = decide::decide_flow(
      profile_, name->second, static_cast<uint16_t>(connect.port), grants_.list());
  network_rule_ = std::move(decision.rule);
  return Decision{decision.verdict, network_rule_};
}

Decision Judge::decide_file(const FileAttempt& attempt) {
  const Decision decision = decide::decide_file(policy_, attempt);
  decide::note_made(policy_, attempt, made_);
  return decision;
}

/// Nothing: the refusal is the kernel's own or a quiet one.
std::optional<Decision> Judge::decide(sensor::Observation& seen) {
  if (auto attempt = std::visit(AttemptOf{}, seen.data)) {
    attempt->error = seen.error;
    attempt->made = &made_;
    return decide_file(*attempt);
  }
  if (const auto* connect = std::get_if<events::NetConnect>(&seen.data)) {
    seen.error = error_of(*connect, seen.error);
    if (const auto out = decide_way_out(*connect)) return out;
    return decide::decide_connect(decide::family_of(connect->family), connect->address,
                                  connect->port, seen.error);
  }
  if (const auto* forward = std::get_if<events::NetForward>(&seen.data)) {
    return decide::decide_forward(policy_, forward->address, forward->port, seen.error);
  }
  if (auto* refused = std::get_if<events::ProcessRefused>(&seen.data)) {
    const plan::Row* row = refusing_row(seen);
    if (row == nullptr) return std::nullopt;
    refused->call = row->name;
    return decide::decide_refused_call(refused->call);
  }
  return kSeen;
}

std::optional<events::Event> Judge::judge(sensor::Observation seen) {
  const std::optional<Decision> decision = decide(seen);
  if (!decision.has_value() || decision->verdict == decide::Verdict::kCountOnly) {
    ++counted_[std::string(events::type_name(seen.data))];
    return std::nullopt;
  }
  events::Event event;
  event.mono_ns = seen.mono_ns;
  event.verdict = static_cast<events::Verdict>(decision->verdict);
  event.rule = decision->rule;
  // A channel's server is none of the workspace's processes.
  if (seen.channel == 0) event.process = std::move(seen.process);
  if (seen.channel != 0) event.channel = std::to_string(seen.channel);
  event.error = seen.error;
  event.data = std::move(seen.data);
  return event;
}

events::Event Judge::judge_refused_forward(const std::string& host, uint32_t port) const {
  const Decision decision = decide::decide_forward(policy_, host, port, EACCES);
  events::Event event;
  event.verdict = static_cast<events::Verdict>(decision.verdict);
  event.rule = decision.rule;
  event.error = EACCES;
  event.data = events::NetForward{host, port};
  return event;
}

events::Event Judge::judge_change(events::FileChanged change) const {
  events::Event event;
  const decide::Policy::Slice* slice = policy_.slice_of(change.path);
  const std::string_view path = change.path;
  if (slice != nullptr && path.size() > slice->root.size()) {
    const auto* entry = slice->covering(path.substr(slice->root.size() + 1));
    if (entry != nullptr) event.rule = entry->rule;
    if (entry != nullptr && entry->kind == decide::Policy::Kind::kWrite) {
      event.verdict = events::Verdict::kAllowed;
    }
  }
  event.data = std::move(change);
  return event;
}

}  // namespace carrel::session
