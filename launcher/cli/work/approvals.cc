#include "launcher/cli/work/approvals.h"

#include <time.h>

#include <cerrno>
#include <sstream>

#include "broker/record/events/json_text.h"
#include "broker/wire/protocol/grant_text.h"
#include "launcher/cli/options/options.h"
#include "launcher/cli/review/fields.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/parse/units.h"

namespace carrel::work {
namespace {

namespace po = boost::program_options;
using options::read_options;
using options::text_of;

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr size_t kIdShown = 12;
constexpr size_t kMaxReason = 1024;

po::options_description make_options() {
  po::options_description options = carrel::options::common_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  auto add = options.add_options();
  add("json", "list: as JSON");
  add("until", text("T"), "approve: for less than was asked for: 30m, or 2026-12-31T18:00:00Z");
  add("reason", text("R"), "why: recorded, and shown to who asked; refuse needs one");
  add("sha256", text("H"), "the text_sha256 of what you have seen: nothing else is decided");
  return options;
}

Status take_name(const std::string& word, ApprovalArguments& out) {
  const size_t slash = word.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == word.size()) {
    return Error{"say which request: SESSION/ID, as carrel approvals lists them"};
  }
  out.session = word.substr(0, slash);
  out.id = word.substr(slash + 1);
  return Done{};
}

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerS + static_cast<uint64_t>(now.tv_nsec);
}

void put_credential(events::JsonObject& object, const protocol::GrantRequest& request) {
  object.bytes("credential", request.credential());
  object.bytes("credential_kind", request.kind());
  if (!request.audience().empty()) object.bytes("audience", request.audience());
  if (!request.from().empty()) object.bytes("from", request.from());
  events::bytes_array(&object, "used_by", {request.used_by().begin(), request.used_by().end()});
}

std::string json_of(const protocol::ApprovalRow& row) {
  std::string out;
  events::JsonObject object(&out);
  object.number("v", 1);
  object.bytes("session", row.session());
  object.bytes("id", row.request().id());
  object.bytes("task", row.task());
  object.bytes("person", row.person());
  if (protocol::is_for_credential(row.request())) {
    put_credential(object, row.request());
  } else {
    object.bytes("host", row.request().host());
    object.number("port", row.request().port());
    object.bytes("mode", row.request().mode());
  }
  object.bytes("reason", row.request().reason());
  object.bytes("asked", to_rfc3339(row.asked_ns()));
  object.bytes("until", to_rfc3339(row.request().until_ns()));
  object.bytes("text", row.text());
  object.bytes("text_sha256", to_hex(row.text_sha256()));
  object.bytes("conflict", row.conflict());
  object.end();
  return out;
}

std::string line_of(const protocol::ApprovalRow& row) {
  const protocol::GrantRequest& request = row.request();
  const std::string name = row.session().substr(0, kIdShown) + "/" + request.id();
  const bool credential = protocol::is_for_credential(request);
  const std::string place = credential
                                ? "credential " + quoted(request.credential())
                                : quoted(request.host()) + ":" + std::to_string(request.port());
  return review::padded(quoted(name), 17) + review::padded(quoted(row.task()), 18) + " " +
         review::padded(quoted(row.person()), 12) + " " + review::padded(place, 28) + " " +
         review::padded(quoted(credential ? request.kind() : request.mode()), 12) +
         review::time_text(request.until_ns()) + "  " + quoted(request.reason()) + "\n";
}

std::string list_text(const std::vector<protocol::ApprovalRow>& rows) {
  std::string out =
      "request          task               person       what                         mode        "
      "until                 reason\n";
  for (const protocol::ApprovalRow& row : rows)
    out += line_of(row);
  return out;
}

std::string list_json(const std::vector<protocol::ApprovalRow>& rows) {
  std::string out = "[";
  for (const protocol::ApprovalRow& row : rows)
    out += (out.size() > 1 ? "," : "") + json_of(row);
  return out + "]\n";
}

/// What the broker refused has its own words and code.
Error failed(const client::BrokerClient& broker, const Error& error, int* code) {
  *code = broker.refused() && broker.refusal().code == kNotFound ? kNotFound : kFailed;
  return broker.refused() ? Error{broker.refusal().text} : error;
}

Status list(const ApprovalArguments& arguments, client::BrokerClient& broker, Output output,
            int* code) {
  const auto rows = broker.approvals("", "");
  if (!rows.ok()) return failed(broker, rows.error(), code);
  if (arguments.shape == Shape::kJson) {
    print(output.out, list_json(rows.value()));
  } else if (rows.value().empty()) {
    print(output.err, "nothing is asked for that you may decide\n");
  } else {
    print(output.out, list_text(rows.value()));
  }
  return Done{};
}

/// What is decided is shown first, and nothing else is decided.
Status decide(const ApprovalArguments& arguments, client::BrokerClient& broker, Output output,
              int* code) {
  protocol::DecideRequest request;
  request.set_approve(arguments.verb == ApprovalVerb::kApprove);
  if (!arguments.until.empty()) {
    ASSIGN_OR_RETURN(const uint64_t until_ns, parse_until(arguments.until, now_ns()));
    request.set_until_ns(until_ns);
  }
  const auto rows = broker.approvals(arguments.session, arguments.id);
  if (!rows.ok()) return failed(broker, rows.error(), code);
  if (rows.value().size() != 1) return Error{"the broker answered out of turn", EPROTO};
  const protocol::ApprovalRow& row = rows.value().front();
  print(output.out, row.text());
  request.set_session(row.session());
  request.set_id(row.request().id());
  request.set_reason(arguments.reason);
  request.set_text_sha256(arguments.text_sha256.empty()
                              ? row.text_sha256()
                              : from_hex(arguments.text_sha256).value_or(""));
  const auto reply = broker.decide(request);
  if (!reply.ok()) return failed(broker, reply.error(), code);
  std::string said = request.approve()
                         ? "approved until " + review::time_text(reply.value().until_ns())
                         : std::string("refused");
  if (!reply.value().conflict().empty()) said += " (" + quoted(reply.value().conflict()) + ")";
  print(output.out, said + "\n");
  return Done{};
}

}  // namespace

Result<uint64_t> parse_until(const std::string& text, uint64_t now_ns) {
  if (const auto moment = from_rfc3339(text)) return *moment;
  const Result<uint64_t> seconds = parse::parse_duration(text);
  if (seconds.ok() && seconds.value() != 0 && seconds.value() < uint64_t{366} * 86400) {
    return now_ns + seconds.value() * kNsPerS;
  }
  return Error{"--until " + quoted(text.substr(0, 80)) +
               ": write a duration like 30m or a moment like 2026-12-31T18:00:00Z"};
}

Result<ApprovalArguments> parse_approval_arguments(const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(), words, &rest));
  ApprovalArguments out;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  out.state = text_of(values, "state");
  out.shape = values.count("json") != 0 ? Shape::kJson : Shape::kText;
  out.reason = text_of(values, "reason");
  out.until = text_of(values, "until");
  out.text_sha256 = text_of(values, "sha256");
  if (!rest.empty() && rest[0] != "approve" && rest[0] != "refuse") {
    return Error{"unexpected word \"" + quoted(rest[0]) + "\"; give approve or refuse, or none"};
  }
  if (rest.empty()) {
    const bool decides = !out.reason.empty() || !out.until.empty() || !out.text_sha256.empty();
    if (decides) return Error{"--reason, --until and --sha256 go with approve or refuse"};
    return out;
  }
  out.verb = rest[0] == "approve" ? ApprovalVerb::kApprove : ApprovalVerb::kRefuse;
  if (rest.size() != 2) return Error{"say which request: one SESSION/ID"};
  RETURN_IF_ERROR(take_name(rest[1], out));
  const bool refuses = out.verb == ApprovalVerb::kRefuse;
  if (out.shape == Shape::kJson) return Error{"--json goes with the list alone"};
  if (refuses && out.reason.empty()) return Error{"give a reason (--reason R): it is recorded"};
  if (refuses && !out.until.empty()) return Error{"--until goes with approve"};
  if (out.reason.size() > kMaxReason) return Error{"the reason is longer than 1024 bytes"};
  if (!out.text_sha256.empty() && from_hex(out.text_sha256).value_or("").size() != 32) {
    return Error{"--sha256 takes 64 digits, as carrel approvals --json has them"};
  }
  return out;
}

std::string approvals_help_text() {
  std::ostringstream text;
  text << "usage: carrel approvals [--json]\n"
          "       carrel approvals approve SESSION/ID [--until T] [--reason R] [--sha256 H]\n"
          "       carrel approvals refuse SESSION/ID --reason R [--sha256 H]\n\n"
          "What running sessions ask for (carrel request, inside): network beyond their profile,\n"
          "or a credential that it issues on request; and your word on it. What is approved is\n"
          "shown, holds for that session alone, and ends by itself. It may be for less time than\n"
          "was asked for, never for more.\n"
          "SESSION is a full id, the first 4 or more characters of one, or `last`.\n\n"
       << make_options();
  return text.str();
}

Status run_approvals(const ApprovalArguments& arguments, client::BrokerClient& broker,
                     Output output, int* code) {
  *code = kFailed;
  return arguments.verb == ApprovalVerb::kList ? list(arguments, broker, output, code)
                                               : decide(arguments, broker, output, code);
}

}  // namespace carrel::work
