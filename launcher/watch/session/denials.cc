#include "launcher/watch/session/denials.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "profiles/base/text.h"
#include "profiles/decide/network.h"
#include "profiles/decide/refused_requests.h"
#include "profiles/decide/rules.h"
#include "profiles/model/words.h"

namespace carrel::session {
namespace {

/// What the event is about; "" for types that no rule denies.
struct ObjectOf {
  std::string operator()(const events::FileRename& data) const { return data.from; }
  std::string operator()(const events::ProcessRefused& data) const { return data.call; }
  std::string operator()(const events::NetConnect& data) const {
    return data.port == 0 ? data.address : data.address + " port " + std::to_string(data.port);
  }
  std::string operator()(const events::NetForward& data) const {
    return data.address + " port " + std::to_string(data.port);
  }
  std::string operator()(const events::DnsQuery& data) const { return data.name; }
  std::string operator()(const events::NetOpen& data) const {
    return (data.name.empty() ? data.address : data.name) + " port " + std::to_string(data.port);
  }
  std::string operator()(const events::NetBudget& data) const { return data.name + " " + data.way; }
  std::string operator()(const events::TlsHello& data) const { return data.sni; }
  std::string operator()(const events::HttpRequest& data) const {
    return data.method + " " + data.host + data.path;
  }
  template <typename Data>
  std::string operator()(const Data& data) const {
    if constexpr (requires { data.path; }) return data.path;
    return "";
  }
};

/// The line that asks for what was denied; "" where no such line can help.
struct RequestOf {
  const std::map<std::string, std::string>& on_request;
  const std::map<uint64_t, uint16_t>& ports;
  std::string operator()(const events::DnsQuery& data) const {
    return data.reason == "denied" ? decide::request_line(data.name) : "";
  }
  std::string operator()(const events::NetOpen& data) const {
    if (data.name.empty() || data.port == 0 || data.port > UINT16_MAX) return "";
    return decide::request_line(data.name, static_cast<uint16_t>(data.port));
  }
  std::string operator()(const events::HttpRequest& data) const {
    const auto wanted = on_request.find(data.host);
    if (data.reason == "no-lease" && wanted != on_request.end()) {
      return decide::credential_request_line(wanted->second);
    }
    if (!decide::grant_helps(data.reason, data.method)) return "";
    const auto port = ports.find(data.flow);
    return port == ports.end() ? decide::request_line(data.host)
                               : decide::request_line(data.host, port->second);
  }
  template <typename Data>
  std::string operator()(const Data& /*data*/) const {
    return "";
  }
};

/// Of a request the rule alone does not say what was wrong with it.
std::string reason_of(const events::Event& event) {
  const auto* request = std::get_if<events::HttpRequest>(&event.data);
  if (request == nullptr || request->reason.empty()) return "";
  return " (" + quoted(request->reason) + ")";
}

bool is_git(const std::optional<events::Process>& process) {
  if (!process.has_value()) return false;
  const std::string& exe = process->exe;
  return exe.substr(exe.rfind('/') + 1) == "git" || exe.find("/git-core/") != std::string::npos;
}

}  // namespace

Denials::Denials(const protocol::SessionSpec& spec, const model::Profile& profile)
    : task_(spec.task()),
      profile_path_(spec.profile_path()),
      has_way_out_(!profile.networks.empty()) {
  for (const model::Network& network : profile.networks) {
    const std::string wanted = decide::credential_on_request(profile, network);
    if (!wanted.empty()) on_request_[network.host] = wanted;
  }
  for (decide::DecideRule& rule : decide::rules_of(profile))
    rules_[rule.id].words = std::move(rule.words);
  for (const protocol::RuleLine& line : spec.rule_lines()) {
    const auto rule = rules_.find(line.id());
    if (rule != rules_.end()) rule->second.line = line.line();
  }
}

std::string Denials::rule_text(std::string_view rule) const {
  const auto found = rules_.find(rule);
  return (found == rules_.end() ? "" : found->second.words + " ") + place_of(rule);
}

std::string Denials::place_of(std::string_view rule) const {
  const auto found = rules_.find(rule);
  std::string text = "(" + quoted(rule);
  if (found != rules_.end() && found->second.line != 0) {
    text += ", " + quoted(std::string_view(profile_path_).substr(0, kMaxObject)) + " line " +
            std::to_string(found->second.line);
  }
  return text + ")";
}

std::string Denials::whom_to_ask() const {
  return "Ask whoever grants task " + quoted(std::string_view(task_).substr(0, kMaxObject)) + ".";
}

std::string Denials::how_to_ask(const std::string& request) const {
  return request.empty() ? whom_to_ask() : "To ask for it: " + request;
}

std::string Denials::request_for(const events::Event& event) const {
  return has_way_out_ ? std::visit(RequestOf{on_request_, ports_}, event.data) : "";
}

/// The same thing tried again moves to the end and counts.
void Denials::keep(Denial denial) {
  const auto same = std::find_if(kept_.begin(), kept_.end(), [&denial](const Denial& each) {
    return each.rule == denial.rule && each.object == denial.object && each.type == denial.type;
  });
  if (same != kept_.end()) {
    denial.times += same->times;
    kept_.erase(same);
  }
  if (kept_.size() == kMostKept) kept_.pop_front();
  kept_.push_back(std::move(denial));
}

/// Once for each budget, and once more when nothing is left of it.
std::optional<std::string> Denials::budget_line(const events::Event& event,
                                                const events::NetBudget& budget) {
  const std::string key = event.rule + " " + budget.way + " " + budget.action;
  if (budgets_.size() >= kMostBudgets || !budgets_.insert(key).second) return std::nullopt;
  const std::string what = model::to_size_text(budget.limit) + " " + quoted(budget.way) + " of " +
                           quoted(std::string_view(budget.name).substr(0, kMaxObject));
  if (event.verdict != events::Verdict::kDenied) {
    return "carrel: budget: four fifths of the " + what + " are used. " + place_of(event.rule) +
           "\n";
  }
  return "carrel: budget: the " + what + " are used up: what is more is cut. " +
         place_of(event.rule) + " " + whom_to_ask() + "\n";
}

/// To which port a connection goes is told when it is opened, and not of its requests.
void Denials::note_port(const events::Event& event) {
  if (const auto* closed = std::get_if<events::NetClose>(&event.data)) ports_.erase(closed->flow);
  const auto* opened = std::get_if<events::NetOpen>(&event.data);
  const bool open = opened != nullptr && event.verdict == events::Verdict::kAllowed;
  if (!open || opened->flow == 0 || opened->port > UINT16_MAX) return;
  ports_[opened->flow] = static_cast<uint16_t>(opened->port);
  if (ports_.size() > kMostFlows) ports_.erase(ports_.begin());  // the oldest
}

std::optional<std::string> Denials::take(const events::Event& event, uint64_t real_ns) {
  note_port(event);
  const auto* budget = std::get_if<events::NetBudget>(&event.data);
  if (event.verdict != events::Verdict::kDenied) {
    return budget == nullptr ? std::nullopt : budget_line(event, *budget);
  }
  ++count_;
  const std::string object = std::visit(ObjectOf{}, event.data).substr(0, kMaxObject);
  const std::string type(events::type_name(event.data));
  keep({real_ns, type, object, event.error, event.rule, 1, is_git(event.process),
        request_for(event)});
  if (budget != nullptr) return budget_line(event, *budget);
  if (said_.size() > kMostLines || !said_.insert(event.rule).second) return std::nullopt;
  if (said_.size() > kMostLines) {
    return "carrel: more was denied; `carrel why` and the record have it all.\n";
  }
  const std::string request = request_for(event);
  return "carrel: denied: " + type + " " + quoted(object) + reason_of(event) + ": " +
         rule_text(event.rule) + " " + how_to_ask(request) + (request.empty() ? " " : " - ") +
         "`carrel why` tells more.\n";
}

}  // namespace carrel::session
