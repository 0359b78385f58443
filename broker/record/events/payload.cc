// Events to protobuf-lite and back. decode_payload() accepts only what encode_payload() writes: it
// encodes what it understood again and compares, which refuses unknown fields, duplicates and other
// spellings.

#include "broker/record/events/event.h"
#include "broker/record/events/events.pb.h"
#include "broker/record/events/file_payload.h"
#include "broker/record/events/net_payload.h"

namespace carrel::events {
namespace {

template <typename Counts>
std::map<std::string, uint64_t> counts_from(const Counts& counts) {
  std::map<std::string, uint64_t> out;
  for (const auto& item : counts)
    out[item.name()] = item.count();
  return out;
}

template <typename Counts>
void counts_to(const std::map<std::string, uint64_t>& counts, Counts* out) {
  for (const auto& [name, count] : counts) {
    auto* item = out->Add();
    item->set_name(name);
    item->set_count(count);
  }
}

class Encoder {
 public:
  explicit Encoder(pb::Payload* out) : out_(out) {}

  void operator()(const ProcessExec& in) const {
    auto* to = out_->mutable_process_exec();
    to->set_path(in.path);
    for (const std::string& argument : in.argv)
      to->add_argv(argument);
    to->set_argv_bytes(in.argv_bytes);
    to->set_truncated(in.truncated);
  }
  void operator()(const ProcessExecFailed& in) const {
    out_->mutable_process_exec_failed()->set_path(in.path);
  }
  void operator()(const ProcessFork& in) const {
    auto* to = out_->mutable_process_fork();
    to->set_child(in.child);
    to->set_child_pid(in.child_pid);
  }
  void operator()(const ProcessExit& in) const {
    auto* to = out_->mutable_process_exit();
    to->set_code(in.code);
    to->set_signal(in.signal);
  }
  void operator()(const ProcessRefused& in) const {
    auto* to = out_->mutable_process_refused();
    to->set_call(in.call);
    for (const uint64_t arg : in.args)
      to->add_args(arg);
  }
  void operator()(const FileOpen& in) const {
    auto* to = out_->mutable_file_open();
    to->set_path(in.path);
    to->set_flags(in.flags);
    to->set_created(in.created);
    to->set_inode(in.inode);
    to->set_device(in.device);
  }
  void operator()(const FileClose& in) const {
    auto* to = out_->mutable_file_close();
    to->set_path(in.path);
    to->set_bytes(in.bytes);
    to->set_inode(in.inode);
    to->set_device(in.device);
  }
  void operator()(const FileRename& in) const {
    auto* to = out_->mutable_file_rename();
    to->set_from(in.from);
    to->set_to(in.to);
  }
  void operator()(const FileUnlink& in) const { out_->mutable_file_unlink()->set_path(in.path); }
  void operator()(const FileMake& in) const {
    auto* to = out_->mutable_file_make();
    to->set_path(in.path);
    to->set_how(in.how);
    to->set_target(in.target);
  }
  void operator()(const FileEnter& in) const { out_->mutable_file_enter()->set_path(in.path); }
  void operator()(const FileProbe& in) const { out_->mutable_file_probe()->set_path(in.path); }
  void operator()(const FileChanged& in) const {
    auto* to = out_->mutable_file_changed();
    to->set_path(in.path);
    to->set_change(in.change);
    to->set_before_sha256(in.before_sha256);
    to->set_after_sha256(in.after_sha256);
    to->set_before_bytes(in.before_bytes);
    to->set_after_bytes(in.after_bytes);
    to->set_before_mode(in.before_mode);
    to->set_after_mode(in.after_mode);
    to->set_note(in.note);
  }
  void operator()(const NetConnect& in) const {
    auto* to = out_->mutable_net_connect();
    to->set_family(in.family);
    to->set_address(in.address);
    to->set_port(in.port);
  }
  void operator()(const TerminalOutput& in) const {
    auto* to = out_->mutable_terminal_output();
    to->set_stream(in.stream);
    to->set_bytes(in.bytes);
  }
  void operator()(const TerminalResize& in) const {
    auto* to = out_->mutable_terminal_resize();
    to->set_columns(in.columns);
    to->set_rows(in.rows);
  }
  void operator()(const Credential& in) const {
    auto* to = out_->mutable_credential();
    to->set_name(in.name);
    to->set_lease(in.lease);
    to->set_audience(in.audience);
    to->set_not_after(in.not_after);
  }
  void operator()(const PolicyDisplaced& in) const {
    auto* to = out_->mutable_policy_displaced();
    to->set_path(in.path);
    to->set_now(in.now);
  }
  void operator()(const PolicyOrder& in) const {
    auto* to = out_->mutable_policy_order();
    to->set_person(in.person);
    to->set_reason(in.reason);
  }
  void operator()(const PolicyTime& in) const {
    auto* to = out_->mutable_policy_time();
    to->set_limit(in.limit);
    to->set_left_s(in.left_s);
  }
  void operator()(const PolicyAgreed& in) const {
    auto* to = out_->mutable_policy_agreed();
    to->set_file(in.file);
    to->set_version(in.version);
    to->set_text_sha256(in.text_sha256);
    to->set_accepted_ns(in.accepted_ns);
    to->set_how(in.how);
    to->set_answer(in.answer);
  }
  void operator()(const NetForward& in) const {
    auto* to = out_->mutable_net_forward();
    to->set_address(in.address);
    to->set_port(in.port);
  }
  void operator()(const TerminalOpened& in) const {
    auto* to = out_->mutable_terminal_opened();
    to->set_command(in.command);
    to->set_how(in.how);
  }
  void operator()(const TerminalEnded& in) const {
    auto* to = out_->mutable_terminal_ended();
    to->set_by(in.by);
    to->set_code(in.code);
  }
  void operator()(const Limit& in) const {
    auto* to = out_->mutable_limit();
    to->set_limit(in.limit);
    to->set_value(in.value);
    to->set_used(in.used);
    to->set_count(in.count);
    to->set_object(in.object);
  }
  void operator()(const DnsQuery& in) const { encode(in, out_); }
  void operator()(const NetOpen& in) const { encode(in, out_); }
  void operator()(const NetClose& in) const { encode(in, out_); }
  void operator()(const NetRefused& in) const { encode(in, out_); }
  void operator()(const NetBudget& in) const { encode(in, out_); }
  void operator()(const NetAnomaly& in) const { encode(in, out_); }
  void operator()(const TlsHello& in) const { encode(in, out_); }
  void operator()(const HttpRequest& in) const { encode(in, out_); }
  void operator()(const GrantChange& in) const { encode(in, out_); }
  void operator()(const RecorderOpen& in) const {
    auto* to = out_->mutable_recorder_open();
    to->set_profile_sha256(in.profile_sha256);
    to->set_profile_canonical(in.profile_canonical);
    to->set_profile_name(in.profile_name);
    to->set_profile_version(in.profile_version);
    to->set_task(in.task);
    to->set_workspace(in.workspace);
    to->set_host(in.host);
    to->set_person(in.person);
    to->set_mode(in.mode);
    to->set_sensor(in.sensor);
    to->set_asked(in.asked);
    for (const std::string& word : in.command)
      to->add_command(word);
    to->set_tty(in.tty);
    for (const AssuranceItem& item : in.assurance) {
      auto* one = to->add_assurance();
      one->set_id(item.id);
      one->set_given(item.given);
      one->set_why(item.why);
    }
    for (const Rule& rule : in.rules) {
      auto* one = to->add_rules();
      one->set_id(rule.id);
      one->set_words(rule.words);
      one->set_file(rule.file);
      one->set_line(rule.line);
    }
  }
  void operator()(const RecorderLoss& in) const {
    auto* to = out_->mutable_recorder_loss();
    to->set_since_seq(in.since_seq);
    counts_to(in.counts, to->mutable_counts());
  }
  void operator()(const RecorderFreeze& in) const {
    out_->mutable_recorder_freeze()->set_ns(in.ns);
  }
  void operator()(const RecorderEnd& in) const {
    auto* to = out_->mutable_recorder_end();
    to->set_by(in.by);
    to->set_code(in.code);
    to->set_produced(in.produced);
    to->set_recorded(in.recorded);
    to->set_lost(in.lost);
    counts_to(in.counted_only, to->mutable_counted_only());
  }

 private:
  pb::Payload* out_;
};

RecorderOpen recorder_open(const pb::RecorderOpen& in) {
  RecorderOpen out;
  out.profile_sha256 = in.profile_sha256();
  out.profile_canonical = in.profile_canonical();
  out.profile_name = in.profile_name();
  out.profile_version = in.profile_version();
  out.task = in.task();
  out.workspace = in.workspace();
  out.host = in.host();
  out.person = in.person();
  out.mode = in.mode();
  out.sensor = in.sensor();
  out.asked = in.asked();
  out.command.assign(in.command().begin(), in.command().end());
  out.tty = in.tty();
  for (const auto& item : in.assurance())
    out.assurance.push_back({item.id(), item.given(), item.why()});
  for (const auto& rule : in.rules())
    out.rules.push_back({rule.id(), rule.words(), rule.file(), rule.line()});
  return out;
}

/// Of types that share a message, the part of the name behind the dot tells them apart.
std::string action_of(uint16_t code) {
  const std::string_view name = type_name(code);
  const size_t dot = name.find('.');
  return std::string(dot == std::string_view::npos ? name : name.substr(dot + 1));
}

Credential credential(const pb::Credential& in, uint16_t code) {
  return Credential{action_of(code), in.name(), in.lease(), in.audience(), in.not_after()};
}

PolicyAgreed policy_agreed(const pb::PolicyAgreed& in) {
  return PolicyAgreed{in.file(),        in.version(), in.text_sha256(),
                      in.accepted_ns(), in.how(),     in.answer()};
}

Limit limit(const pb::Limit& in, uint16_t code) {
  return Limit{action_of(code), in.limit(), in.value(), in.used(), in.count(), in.object()};
}

Data process_or_net_data(const pb::Payload& in) {
  switch (in.data_case()) {
    case pb::Payload::kProcessExec: {
      const auto& from = in.process_exec();
      return ProcessExec{from.path(),
                         {from.argv().begin(), from.argv().end()},
                         from.argv_bytes(),
                         from.truncated()};
    }
    case pb::Payload::kProcessExecFailed:
      return ProcessExecFailed{in.process_exec_failed().path()};
    case pb::Payload::kProcessFork:
      return ProcessFork{in.process_fork().child(), in.process_fork().child_pid()};
    case pb::Payload::kProcessExit:
      return ProcessExit{in.process_exit().code(), in.process_exit().signal()};
    case pb::Payload::kProcessRefused: {
      const auto& from = in.process_refused();
      return ProcessRefused{from.call(), {from.args().begin(), from.args().end()}};
    }
    default:
      return NetConnect{in.net_connect().family(), in.net_connect().address(),
                        in.net_connect().port()};
  }
}

/// The data of a payload whose data_case() is set.
Data data_from(const pb::Payload& in, uint16_t code) {
  if (auto net = decode_net(in, action_of(code))) return std::move(*net);
  switch (in.data_case()) {
    case pb::Payload::kTerminalOutput:
      return TerminalOutput{in.terminal_output().stream(), in.terminal_output().bytes()};
    case pb::Payload::kTerminalResize:
      return TerminalResize{in.terminal_resize().columns(), in.terminal_resize().rows()};
    case pb::Payload::kCredential:
      return credential(in.credential(), code);
    case pb::Payload::kPolicyDisplaced:
      return PolicyDisplaced{in.policy_displaced().path(), in.policy_displaced().now()};
    case pb::Payload::kPolicyOrder:
      return PolicyOrder{action_of(code), in.policy_order().person(), in.policy_order().reason()};
    case pb::Payload::kPolicyTime:
      return PolicyTime{action_of(code), in.policy_time().limit(), in.policy_time().left_s()};
    case pb::Payload::kPolicyAgreed:
      return policy_agreed(in.policy_agreed());
    case pb::Payload::kNetForward:
      return NetForward{in.net_forward().address(), in.net_forward().port()};
    case pb::Payload::kTerminalOpened:
      return TerminalOpened{in.terminal_opened().command(), in.terminal_opened().how()};
    case pb::Payload::kTerminalEnded:
      return TerminalEnded{in.terminal_ended().by(), in.terminal_ended().code()};
    case pb::Payload::kLimit:
      return limit(in.limit(), code);
    case pb::Payload::kRecorderOpen:
      return recorder_open(in.recorder_open());
    case pb::Payload::kRecorderLoss:
      return RecorderLoss{in.recorder_loss().since_seq(), counts_from(in.recorder_loss().counts())};
    case pb::Payload::kRecorderFreeze:
      return RecorderFreeze{in.recorder_freeze().ns()};
    case pb::Payload::kRecorderEnd: {
      const auto& from = in.recorder_end();
      return RecorderEnd{from.by(),       from.code(), from.produced(),
                         from.recorded(), from.lost(), counts_from(from.counted_only())};
    }
    case pb::Payload::kProcessExec:
    case pb::Payload::kProcessExecFailed:
    case pb::Payload::kProcessFork:
    case pb::Payload::kProcessExit:
    case pb::Payload::kProcessRefused:
    case pb::Payload::kNetConnect:
      return process_or_net_data(in);
    default:
      return file_data(in);
  }
}

void fill(const Event& event, pb::Payload* out) {
  out->set_verdict(static_cast<uint32_t>(event.verdict));
  out->set_rule(event.rule);
  out->set_channel(event.channel);
  out->set_error(event.error);
  if (event.process) {
    auto* to = out->mutable_process();
    to->set_id(event.process->id);
    to->set_pid(event.process->pid);
    to->set_parent(event.process->parent);
    to->set_exe(event.process->exe);
  }
  std::visit(Encoder(out), event.data);
}

}  // namespace

std::string encode_payload(const Event& event) {
  pb::Payload payload;
  fill(event, &payload);
  return payload.SerializeAsString();
}

Result<Event> decode_payload(uint16_t code, std::string_view bytes) {
  if (bytes.size() > kMaxPayload) return Error{"event payload is larger than 1 MiB"};
  if (type_name(code).empty()) return Error{"unknown event type " + std::to_string(code)};
  pb::Payload payload;
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{"event payload is malformed"};
  if (payload.data_case() == pb::Payload::DATA_NOT_SET || payload.verdict() < 1 ||
      payload.verdict() > 3)
    return Error{"event payload lacks its data or verdict"};
  Event event;
  event.verdict = static_cast<Verdict>(payload.verdict());
  event.rule = payload.rule();
  event.channel = payload.channel();
  event.error = payload.error();
  if (payload.has_process()) {
    const auto& from = payload.process();
    event.process = Process{from.id(), from.pid(), from.parent(), from.exe()};
  }
  event.data = data_from(payload, code);
  if (type_code(event.data) != code) return Error{"event payload is of another type than its leaf"};
  if (encode_payload(event) != bytes) return Error{"event payload has another spelling than ours"};
  return event;
}

}  // namespace carrel::events
