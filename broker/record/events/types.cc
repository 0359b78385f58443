// The table of type codes and names; a code is never given to another type.

#include <array>

#include "broker/record/events/event.h"

namespace carrel::events {
namespace {

struct Type {
  uint16_t code;
  std::string_view name;
};

constexpr std::array kTypes = {
    Type{0x0101, "file.open"},         Type{0x0102, "file.close"},
    Type{0x0103, "file.rename"},       Type{0x0104, "file.unlink"},
    Type{0x0105, "file.make"},         Type{0x0106, "file.enter"},
    Type{0x0107, "file.probe"},        Type{0x0108, "file.changed"},
    Type{0x0201, "process.exec"},      Type{0x0202, "process.exec_failed"},
    Type{0x0203, "process.fork"},      Type{0x0204, "process.exit"},
    Type{0x0205, "process.refused"},   Type{0x0301, "net.connect"},
    Type{0x0401, "terminal.output"},   Type{0x0402, "terminal.resize"},
    Type{0x0501, "credential.issued"}, Type{0x0502, "credential.renewed"},
    Type{0x0503, "credential.ended"},  Type{0x0601, "policy.paused"},
    Type{0x0602, "policy.resumed"},    Type{0x0603, "policy.closed"},
    Type{0x0604, "policy.warned"},     Type{0x0605, "policy.over"},
    Type{0x0606, "policy.agreed"},     Type{0x0607, "policy.displaced"},
    Type{0x0403, "terminal.opened"},   Type{0x0404, "terminal.ended"},
    Type{0x0302, "net.forward"},       Type{0x0b01, "limit.hit"},
    Type{0x0b02, "limit.near"},        Type{0x0b03, "limit.held"},
    Type{0x0b04, "limit.released"},    Type{0x0f01, "recorder.open"},
    Type{0x0f02, "recorder.loss"},     Type{0x0f03, "recorder.freeze"},
    Type{0x0701, "dns.query"},         Type{0x0303, "net.open"},
    Type{0x0304, "net.close"},         Type{0x0305, "net.refused"},
    Type{0x0306, "net.near"},          Type{0x0307, "net.spent"},
    Type{0x0308, "net.anomaly"},       Type{0x0801, "tls.hello"},
    Type{0x0901, "http.request"},      Type{0x0a01, "grant.requested"},
    Type{0x0a02, "grant.approved"},    Type{0x0a03, "grant.refused"},
    Type{0x0a04, "grant.ended"},       Type{0x0f04, "recorder.end"},
};

struct CodeOf {
  uint16_t operator()(const ProcessExec&) const { return 0x0201; }
  uint16_t operator()(const ProcessExecFailed&) const { return 0x0202; }
  uint16_t operator()(const ProcessFork&) const { return 0x0203; }
  uint16_t operator()(const ProcessExit&) const { return 0x0204; }
  uint16_t operator()(const ProcessRefused&) const { return 0x0205; }
  uint16_t operator()(const FileOpen&) const { return 0x0101; }
  uint16_t operator()(const FileClose&) const { return 0x0102; }
  uint16_t operator()(const FileRename&) const { return 0x0103; }
  uint16_t operator()(const FileUnlink&) const { return 0x0104; }
  uint16_t operator()(const FileMake&) const { return 0x0105; }
  uint16_t operator()(const FileEnter&) const { return 0x0106; }
  uint16_t operator()(const FileProbe&) const { return 0x0107; }
  uint16_t operator()(const FileChanged&) const { return 0x0108; }
  uint16_t operator()(const NetConnect&) const { return 0x0301; }
  uint16_t operator()(const NetForward&) const { return 0x0302; }
  uint16_t operator()(const TerminalOutput&) const { return 0x0401; }
  uint16_t operator()(const TerminalResize&) const { return 0x0402; }
  uint16_t operator()(const Credential& credential) const {
    if (credential.action == "issued") return 0x0501;
    if (credential.action == "renewed") return 0x0502;
    return credential.action == "ended" ? 0x0503 : 0;
  }
  uint16_t operator()(const PolicyOrder& order) const {
    if (order.action == "paused") return 0x0601;
    if (order.action == "resumed") return 0x0602;
    return order.action == "closed" ? 0x0603 : 0;
  }
  uint16_t operator()(const PolicyTime& time) const {
    if (time.action == "warned") return 0x0604;
    return time.action == "over" ? 0x0605 : 0;
  }
  uint16_t operator()(const PolicyAgreed&) const { return 0x0606; }
  uint16_t operator()(const PolicyDisplaced&) const { return 0x0607; }
  uint16_t operator()(const TerminalOpened&) const { return 0x0403; }
  uint16_t operator()(const TerminalEnded&) const { return 0x0404; }
  uint16_t operator()(const Limit& limit) const {
    if (limit.action == "hit") return 0x0b01;
    if (limit.action == "near") return 0x0b02;
    if (limit.action == "held") return 0x0b03;
    return limit.action == "released" ? 0x0b04 : 0;
  }
  uint16_t operator()(const DnsQuery&) const { return 0x0701; }
  uint16_t operator()(const NetOpen&) const { return 0x0303; }
  uint16_t operator()(const NetClose&) const { return 0x0304; }
  uint16_t operator()(const NetRefused&) const { return 0x0305; }
  uint16_t operator()(const NetBudget& change) const {
    if (change.action == "near") return 0x0306;
    return change.action == "spent" ? 0x0307 : 0;
  }
  uint16_t operator()(const NetAnomaly&) const { return 0x0308; }
  uint16_t operator()(const TlsHello&) const { return 0x0801; }
  uint16_t operator()(const HttpRequest&) const { return 0x0901; }
  uint16_t operator()(const GrantChange& change) const {
    if (change.action == "requested") return 0x0a01;
    if (change.action == "approved") return 0x0a02;
    if (change.action == "refused") return 0x0a03;
    return change.action == "ended" ? 0x0a04 : 0;
  }
  uint16_t operator()(const RecorderOpen&) const { return 0x0f01; }
  uint16_t operator()(const RecorderLoss&) const { return 0x0f02; }
  uint16_t operator()(const RecorderFreeze&) const { return 0x0f03; }
  uint16_t operator()(const RecorderEnd&) const { return 0x0f04; }
};

}  // namespace

std::string_view type_name(uint16_t code) {
  for (const Type& type : kTypes)
    if (type.code == code) return type.name;
  return {};
}

uint16_t type_code(const Data& data) {
  return std::visit(CodeOf{}, data);
}

std::string_view type_name(const Data& data) {
  return type_name(type_code(data));
}

std::vector<std::string_view> type_names() {
  std::vector<std::string_view> names;
  names.reserve(kTypes.size());
  for (const Type& type : kTypes)
    names.push_back(type.name);
  return names;
}

}  // namespace carrel::events
