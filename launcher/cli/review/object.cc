#include "launcher/cli/review/object.h"

#include "broker/record/events/json.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr size_t kMaxCommandShown = 160;

std::string counts_text(const std::map<std::string, uint64_t>& counts) {
  std::string out;
  for (const auto& [name, count] : counts)
    out += (out.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return out;
}

/// An address, or a name, with a port behind it.
std::string endpoint(const std::string& host, uint32_t port) {
  const std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return text + ":" + std::to_string(port);
}

struct ObjectOf {
  std::string operator()(const events::ProcessExec& e) const { return e.path; }
  std::string operator()(const events::ProcessExecFailed& e) const { return e.path; }
  std::string operator()(const events::ProcessFork& e) const {
    return "process " + std::to_string(e.child);
  }
  std::string operator()(const events::ProcessExit& e) const {
    return e.signal == 0 ? "status " + std::to_string(e.code) : events::signal_name(e.signal);
  }
  std::string operator()(const events::ProcessRefused& e) const { return e.call; }
  std::string operator()(const events::FileOpen& e) const { return e.path; }
  std::string operator()(const events::FileClose& e) const { return e.path; }
  std::string operator()(const events::FileRename& e) const { return e.from + " -> " + e.to; }
  std::string operator()(const events::FileUnlink& e) const { return e.path; }
  std::string operator()(const events::FileMake& e) const { return e.path; }
  std::string operator()(const events::FileEnter& e) const { return e.path; }
  std::string operator()(const events::FileProbe& e) const { return e.path; }
  std::string operator()(const events::FileChanged& e) const { return e.path; }
  std::string operator()(const events::PolicyDisplaced& e) const { return e.path; }
  std::string operator()(const events::NetConnect& e) const {
    if (e.family == "unix") return e.address;
    return endpoint(e.address, e.port);
  }
  std::string operator()(const events::NetForward& e) const { return endpoint(e.address, e.port); }
  std::string operator()(const events::TerminalOutput& e) const { return e.stream; }
  std::string operator()(const events::TerminalResize& e) const {
    return std::to_string(e.columns) + "x" + std::to_string(e.rows);
  }
  std::string operator()(const events::Credential& e) const { return e.name; }
  std::string operator()(const events::PolicyOrder& e) const { return e.person; }
  std::string operator()(const events::PolicyTime& e) const { return e.limit; }
  std::string operator()(const events::PolicyAgreed& e) const { return e.file; }
  std::string operator()(const events::TerminalOpened& e) const { return e.command; }
  std::string operator()(const events::TerminalEnded& e) const { return std::to_string(e.code); }
  std::string operator()(const events::Limit& e) const { return e.limit; }
  std::string operator()(const events::DnsQuery& e) const { return e.name; }
  std::string operator()(const events::NetOpen& e) const {
    return endpoint(e.name.empty() ? e.address : e.name, e.port);
  }
  std::string operator()(const events::NetClose& e) const { return e.name; }
  std::string operator()(const events::NetRefused& e) const { return endpoint(e.address, e.port); }
  std::string operator()(const events::NetBudget& e) const { return e.name; }
  std::string operator()(const events::NetAnomaly& e) const { return e.name; }
  std::string operator()(const events::TlsHello& e) const { return e.sni; }
  std::string operator()(const events::HttpRequest& e) const {
    return e.method + " " + e.host + e.path;
  }
  std::string operator()(const events::GrantChange& e) const { return e.what; }
  std::string operator()(const events::RecorderOpen& e) const { return e.profile_name; }
  std::string operator()(const events::RecorderLoss& e) const { return counts_text(e.counts); }
  std::string operator()(const events::RecorderFreeze& e) const {
    return std::to_string(e.ns / 1000) + " us";
  }
  std::string operator()(const events::RecorderEnd& e) const {
    return e.by + " " + std::to_string(e.code);
  }
};

std::string times(uint64_t count) {
  return count > 1 ? ", " + std::to_string(count) + " times" : "";
}

/// What a table adds behind the object; quoted already.
struct DetailOf {
  std::string operator()(const events::ProcessExec& e) const {
    std::string out;
    for (size_t i = 1; i < e.argv.size() && out.size() < kMaxCommandShown; ++i)
      out += " " + quoted(std::string_view(e.argv[i]).substr(0, kMaxCommandShown));
    return e.truncated || out.size() >= kMaxCommandShown ? out + " ..." : out;
  }
  std::string operator()(const events::FileOpen& e) const {
    if (e.created) return " (created)";
    return (e.flags & 3U) == 0 ? "" : " (to write)";
  }
  std::string operator()(const events::FileClose& e) const {
    return " (" + std::to_string(e.bytes) + " bytes)";
  }
  std::string operator()(const events::FileMake& e) const {
    return " (" + quoted(e.how) + (e.target.empty() ? "" : " to " + quoted(e.target)) + ")";
  }
  std::string operator()(const events::FileChanged& e) const {
    return " (" + quoted(e.change) + (e.note.empty() ? "" : ", " + quoted(e.note)) + ")";
  }
  std::string operator()(const events::PolicyDisplaced& e) const {
    return " (" + quoted(e.now) + ")";
  }
  std::string operator()(const events::TerminalOutput& e) const {
    return " " + std::to_string(e.bytes.size()) + " bytes";
  }
  std::string operator()(const events::Credential& e) const { return " lease " + quoted(e.lease); }
  std::string operator()(const events::PolicyOrder& e) const { return ": " + quoted(e.reason); }
  std::string operator()(const events::PolicyTime& e) const {
    return e.left_s == 0 ? "" : " " + std::to_string(e.left_s) + " s left";
  }
  std::string operator()(const events::PolicyAgreed& e) const {
    return " version " + std::to_string(e.version) + " (" + quoted(e.how) + ")";
  }
  std::string operator()(const events::TerminalOpened& e) const { return " " + quoted(e.how); }
  std::string operator()(const events::TerminalEnded& e) const { return " by " + quoted(e.by); }
  std::string operator()(const events::Limit& e) const {
    std::string out = " of " + std::to_string(e.value);
    if (e.count > 1) out += ", " + std::to_string(e.count) + " times";
    return e.object.empty() ? out : out + " (" + quoted(e.object) + ")";
  }
  std::string operator()(const events::DnsQuery& e) const {
    return " " + quoted(e.type) + " " + quoted(e.answer) +
           (e.address.empty() ? "" : " " + quoted(e.address)) + times(e.count);
  }
  std::string operator()(const events::NetOpen& e) const {
    return " flow " + std::to_string(e.flow) + (e.mode.empty() ? "" : " " + quoted(e.mode));
  }
  std::string operator()(const events::NetClose& e) const {
    return " flow " + std::to_string(e.flow) + " " + quoted(e.by) + ", " + std::to_string(e.up) +
           " bytes up, " + std::to_string(e.down) + " down" +
           (e.upstream.empty() ? "" : ", " + quoted(e.upstream)) +
           (e.why.empty() ? "" : " (" + quoted(e.why) + ")");
  }
  std::string operator()(const events::NetRefused& e) const {
    return " " + quoted(e.protocol) + times(e.count);
  }
  std::string operator()(const events::NetBudget& e) const {
    return " " + quoted(e.way) + " " + std::to_string(e.used) + " of " + std::to_string(e.limit) +
           " bytes";
  }
  std::string operator()(const events::NetAnomaly& e) const {
    return " " + quoted(e.what) + ": " + quoted(e.detail);
  }
  std::string operator()(const events::TlsHello& e) const {
    return " flow " + std::to_string(e.flow) + (e.why.empty() ? "" : " (" + quoted(e.why) + ")");
  }
  std::string operator()(const events::HttpRequest& e) const {
    return " " + std::to_string(e.status) + ", flow " + std::to_string(e.flow) + ", " +
           std::to_string(e.up) + " bytes up, " + std::to_string(e.down) + " down" +
           (e.reason.empty() ? "" : " (" + quoted(e.reason) + ")");
  }
  std::string operator()(const events::GrantChange& e) const {
    return (e.person.empty() ? "" : " by " + quoted(e.person)) +
           (e.reason.empty() ? "" : ": " + quoted(e.reason));
  }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

}  // namespace

std::string object_of(const events::Data& data) {
  return std::visit(ObjectOf{}, data);
}

std::string words_of(const events::Data& data) {
  return quoted(object_of(data)) + std::visit(DetailOf{}, data);
}

}  // namespace carrel::review
