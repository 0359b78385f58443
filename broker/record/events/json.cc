#include "broker/record/events/json.h"

#include <string.h>

#include <algorithm>
#include <array>

#include "broker/record/events/json_text.h"
#include "broker/record/events/net_json.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::events {
namespace {

struct Flag {
  uint32_t bit;
  std::string_view name;
};

// asm-generic/fcntl.h as x86-64 uses it. O_SYNC and O_TMPFILE contain O_DSYNC and O_DIRECTORY.
constexpr std::array kFlags = {
    Flag{04010000, "O_SYNC"},     Flag{020200000, "O_TMPFILE"}, Flag{0100, "O_CREAT"},
    Flag{0200, "O_EXCL"},         Flag{0400, "O_NOCTTY"},       Flag{01000, "O_TRUNC"},
    Flag{02000, "O_APPEND"},      Flag{04000, "O_NONBLOCK"},    Flag{010000, "O_DSYNC"},
    Flag{020000, "O_ASYNC"},      Flag{040000, "O_DIRECT"},     Flag{0100000, "O_LARGEFILE"},
    Flag{0200000, "O_DIRECTORY"}, Flag{0400000, "O_NOFOLLOW"},  Flag{01000000, "O_NOATIME"},
    Flag{02000000, "O_CLOEXEC"},  Flag{010000000, "O_PATH"},
};

void hex_or_null(JsonObject* object, std::string_view name, const std::string& digest) {
  if (digest.empty())
    object->null(name);
  else
    object->bytes(name, to_hex(digest));
}

void counts_object(JsonObject* object, std::string_view name,
                   const std::map<std::string, uint64_t>& counts) {
  std::string* out = object->raw(name);
  JsonObject inner(out);
  for (const auto& [key, count] : counts) {
    // A count's name may come from a damaged record: never let it break the line.
    std::string escaped;
    append_json_string(&escaped, is_utf8(key) ? key : to_base64(key));
    inner.number(std::string_view(escaped).substr(1, escaped.size() - 2), count);
  }
  inner.end();
}

/// Writes the members of `data`.
class DataWriter {
 public:
  explicit DataWriter(JsonObject* out) : out_(out) {}

  void operator()(const ProcessExec& e) const {
    out_->bytes("path", e.path);
    bytes_array(out_, "argv", e.argv);
    out_->number("argv_bytes", e.argv_bytes);
    out_->boolean("truncated", e.truncated);
  }
  void operator()(const ProcessExecFailed& e) const { out_->bytes("path", e.path); }
  void operator()(const ProcessFork& e) const {
    out_->number("child", e.child);
    out_->number("child_pid", e.child_pid);
  }
  void operator()(const ProcessExit& e) const {
    out_->integer("code", e.code);
    if (e.signal == 0)
      out_->null("signal");
    else
      out_->bytes("signal", signal_name(e.signal));
  }
  void operator()(const ProcessRefused& e) const {
    out_->bytes("call", e.call);
    std::string* out = out_->raw("args");
    *out += '[';
    for (size_t i = 0; i < e.args.size(); ++i)
      *out += (i == 0 ? "" : ",") + std::to_string(e.args[i]);
    *out += ']';
  }
  void operator()(const FileOpen& e) const {
    out_->bytes("path", e.path);
    bytes_array(out_, "flags", open_flag_names(e.flags));
    out_->boolean("created", e.created);
    out_->number("inode", e.inode);
    out_->number("device", e.device);
  }
  void operator()(const FileClose& e) const {
    out_->bytes("path", e.path);
    out_->number("bytes", e.bytes);
    out_->number("inode", e.inode);
    out_->number("device", e.device);
  }
  void operator()(const FileRename& e) const {
    out_->bytes("from", e.from);
    out_->bytes("to", e.to);
  }
  void operator()(const FileUnlink& e) const { out_->bytes("path", e.path); }
  void operator()(const FileMake& e) const {
    out_->bytes("path", e.path);
    out_->bytes("how", e.how);
    out_->bytes("target", e.target);
  }
  void operator()(const FileEnter& e) const { out_->bytes("path", e.path); }
  void operator()(const FileProbe& e) const { out_->bytes("path", e.path); }
  void operator()(const FileChanged& e) const {
    out_->bytes("path", e.path);
    out_->bytes("change", e.change);
    hex_or_null(out_, "before_sha256", e.before_sha256);
    hex_or_null(out_, "after_sha256", e.after_sha256);
    out_->number("before_bytes", e.before_bytes);
    out_->number("after_bytes", e.after_bytes);
    out_->number("before_mode", e.before_mode);
    out_->number("after_mode", e.after_mode);
    out_->bytes("note", e.note);
  }
  void operator()(const NetConnect& e) const {
    out_->bytes("family", e.family);
    out_->bytes("address", e.address);
    out_->number("port", e.port);
  }
  void operator()(const TerminalOutput& e) const {
    out_->bytes("stream", e.stream);
    out_->bytes("bytes_b64", to_base64(e.bytes));
  }
  void operator()(const TerminalResize& e) const {
    out_->number("columns", e.columns);
    out_->number("rows", e.rows);
  }
  void operator()(const Credential& e) const {
    out_->bytes("name", e.name);
    out_->bytes("lease", e.lease);
    out_->bytes("audience", e.audience);
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    out_->bytes("not_after",
                to_rfc3339(std::min(e.not_after, UINT64_MAX / kNsPerSecond) * kNsPerSecond));
  }
  void operator()(const PolicyDisplaced& e) const {
    out_->bytes("path", e.path);
    out_->bytes("now", e.now);
  }
  void operator()(const PolicyOrder& e) const {
    out_->bytes("person", e.person);
    out_->bytes("reason", e.reason);
  }
  void operator()(const PolicyTime& e) const {
    out_->bytes("limit", e.limit);
    out_->number("left_s", e.left_s);
  }
  void operator()(const PolicyAgreed& e) const {
    out_->bytes("agreement", e.file);
    out_->number("version", e.version);
    out_->bytes("text_sha256", to_hex(e.text_sha256));
    out_->bytes("accepted", to_rfc3339(e.accepted_ns));
    out_->bytes("how", e.how);
    out_->bytes("answer", e.answer);
  }
  void operator()(const NetForward& e) const {
    out_->bytes("address", e.address);
    out_->number("port", e.port);
  }
  void operator()(const TerminalOpened& e) const {
    out_->bytes("command", e.command);
    out_->bytes("how", e.how);
  }
  void operator()(const TerminalEnded& e) const {
    out_->bytes("by", e.by);
    out_->number("code", e.code);
  }
  void operator()(const Limit& e) const {
    out_->bytes("limit", e.limit);
    out_->number("value", e.value);
    out_->number("used", e.used);
    out_->number("count", e.count);
    out_->bytes("object", e.object);
  }
  void operator()(const DnsQuery& e) const { write_members(e, out_); }
  void operator()(const NetOpen& e) const { write_members(e, out_); }
  void operator()(const NetClose& e) const { write_members(e, out_); }
  void operator()(const NetRefused& e) const { write_members(e, out_); }
  void operator()(const NetBudget& e) const { write_members(e, out_); }
  void operator()(const NetAnomaly& e) const { write_members(e, out_); }
  void operator()(const TlsHello& e) const { write_members(e, out_); }
  void operator()(const HttpRequest& e) const { write_members(e, out_); }
  void operator()(const GrantChange& e) const { write_members(e, out_); }
  void operator()(const RecorderOpen& e) const;
  void operator()(const RecorderLoss& e) const {
    out_->number("since_seq", e.since_seq);
    counts_object(out_, "counts", e.counts);
  }
  void operator()(const RecorderFreeze& e) const { out_->number("ns", e.ns); }
  void operator()(const RecorderEnd& e) const {
    out_->bytes("by", e.by);
    out_->integer("code", e.code);
    out_->number("produced", e.produced);
    out_->number("recorded", e.recorded);
    out_->number("lost", e.lost);
    counts_object(out_, "counted_only", e.counted_only);
  }

 private:
  JsonObject* out_;
};

void DataWriter::operator()(const RecorderOpen& e) const {
  out_->bytes("profile_sha256", to_hex(e.profile_sha256));
  out_->bytes("task", e.task);
  out_->bytes("host", e.host);
  std::string* out = out_->raw("assurance");
  *out += '[';
  for (const AssuranceItem& item : e.assurance) {
    if (&item != e.assurance.data()) *out += ',';
    JsonObject object(out);
    object.bytes("id", item.id);
    object.boolean("given", item.given);
    object.bytes("why", item.why);
    object.end();
  }
  *out += ']';
  out = out_->raw("rules");
  *out += '[';
  for (const Rule& rule : e.rules) {
    if (&rule != e.rules.data()) *out += ',';
    JsonObject object(out);
    object.bytes("id", rule.id);
    object.bytes("words", rule.words);
    object.bytes("file", rule.file);
    object.number("line", rule.line);
    object.end();
  }
  *out += ']';
  out_->bytes("profile", e.profile_name);
  out_->number("profile_version", e.profile_version);
  out_->bytes("workspace", e.workspace);
  out_->bytes("person", e.person);
  out_->bytes("mode", e.mode);
  out_->bytes("sensor", e.sensor);
  out_->bytes("asked", e.asked);
  bytes_array(out_, "command", e.command);
  out_->boolean("tty", e.tty);
}

void write_rule(JsonObject* line, const std::string& id, const RuleLookup& rules) {
  if (id.empty()) {
    line->null("rule");
    return;
  }
  const Rule* rule = rules ? rules(id) : nullptr;
  JsonObject object(line->raw("rule"));
  object.bytes("id", id);
  object.bytes("text", rule != nullptr ? rule->words : std::string());
  if (rule == nullptr || rule->file.empty())
    object.null("file");
  else
    object.bytes("file", rule->file);
  if (rule == nullptr || rule->line == 0)
    object.null("line");
  else
    object.number("line", rule->line);
  object.end();
}

void write_process(JsonObject* line, const std::optional<Process>& process) {
  if (!process) {
    line->null("process");
    return;
  }
  JsonObject object(line->raw("process"));
  object.number("id", process->id);
  object.number("pid", process->pid);
  object.number("parent", process->parent);
  object.bytes("exe", process->exe);
  object.end();
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAllowed:
      return "allowed";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kObserved:
      break;
  }
  return "observed";
}

}  // namespace

std::string to_json(const Event& event, std::string_view session, const RuleLookup& rules) {
  std::string out;
  out.reserve(384);
  const std::string_view type = type_name(event.data);
  JsonObject line(&out);
  line.number("v", 1);
  line.bytes("session", session);
  line.number("seq", event.seq);
  line.bytes("time", to_rfc3339(event.real_ns));
  line.number("mono_ns", event.mono_ns);
  line.bytes("kind", type.substr(0, type.find('.')));
  line.bytes("type", type);
  line.bytes("verdict", verdict_name(event.verdict));
  write_rule(&line, event.rule, rules);
  if (event.channel.empty())
    line.null("channel");
  else
    line.bytes("channel", event.channel);
  write_process(&line, event.process);
  if (event.error == 0)
    line.null("errno");
  else
    line.bytes("errno", errno_name(event.error));
  JsonObject data(line.raw("data"));
  std::visit(DataWriter(&data), event.data);
  data.end();
  line.end();
  return out;
}

std::vector<std::string> open_flag_names(uint32_t flags) {
  static constexpr std::array<std::string_view, 4> kAccess = {"O_RDONLY", "O_WRONLY", "O_RDWR",
                                                              "O_ACCMODE"};
  std::vector<std::string> names = {std::string(kAccess[flags & 3])};
  flags &= ~3U;
  for (const Flag& flag : kFlags) {
    if ((flags & flag.bit) != flag.bit) continue;
    names.emplace_back(flag.name);
    flags &= ~flag.bit;
  }
  if (flags == 0) return names;
  const std::string bytes = {static_cast<char>(flags >> 24 & 0xFF),
                             static_cast<char>(flags >> 16 & 0xFF),
                             static_cast<char>(flags >> 8 & 0xFF), static_cast<char>(flags & 0xFF)};
  names.push_back("0x" + to_hex(bytes));
  return names;
}

std::string signal_name(int32_t number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : "SIG" + std::to_string(number);
}

}  // namespace carrel::events
