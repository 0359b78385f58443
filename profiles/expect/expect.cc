#include "profiles/expect/expect.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "profiles/base/text.h"
#include "profiles/decide/decide.h"
#include "profiles/decide/network.h"
#include "profiles/parse/parse.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::expect {
namespace {

using parse::Member;
using parse::Problems;
using parse::Value;

constexpr std::array<std::string_view, 5> kQuestions = {"read", "write", "connect", "credential",
                                                        "forward"};

std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

const std::string* text_of(const Value& table, std::string_view key, Problems& problems) {
  const Member* member = table.find(key);
  if (member == nullptr) return nullptr;
  if (member->value.kind == Value::Kind::kString && !member->value.text.empty())
    return &member->value.text;
  problems.add(member->where, std::string(key) + " is " + std::string(member->value.type) +
                                  "; write a text, like \"app/docs\"");
  return nullptr;
}

void refuse_other_keys(const Value& table, Problems& problems) {
  for (const Member& member : table.members) {
    const bool known =
        std::find(kQuestions.begin(), kQuestions.end(), member.key) != kQuestions.end() ||
        member.key == "expect" || member.key == "rule";
    if (known) continue;
    problems.add(member.where, "unknown key " + named(member.key) +
                                   " in [[case]]; write read, write, connect, credential or "
                                   "forward, with expect and rule");
  }
}

Case read_case(const Value& table, Problems& problems) {
  Case one;
  one.where = table.where;
  refuse_other_keys(table, problems);
  size_t questions = 0;
  for (size_t i = 0; i < kQuestions.size(); ++i) {
    const std::string* text = text_of(table, kQuestions[i], problems);
    if (text == nullptr) continue;
    ++questions;
    one.question = static_cast<Question>(i);
    one.text = *text;
  }
  if (questions != 1) problems.add(table.where, "a [[case]] asks one thing; split it or add it");
  const std::string* wanted = text_of(table, "expect", problems);
  one.allowed = wanted != nullptr && *wanted == "allowed";
  if (wanted == nullptr || (*wanted != "allowed" && *wanted != "denied")) {
    problems.add(table.where, "write expect = \"allowed\" or expect = \"denied\" in [[case]]");
  }
  if (const std::string* rule = text_of(table, "rule", problems)) one.rule = *rule;
  return one;
}

Answer ask_path(const model::Profile& profile, std::string_view text, bool write) {
  const decide::Policy policy(profile);
  const std::string path = "/workspaces/" + std::string(text);
  decide::FileAttempt attempt;
  attempt.path = path;
  attempt.operation = write ? decide::Operation::kOpenWrite : decide::Operation::kOpenRead;
  const decide::Decision success = decide::decide_file(policy, attempt);
  if (success.verdict == decide::Verdict::kAllowed) return {true, std::string(success.rule)};
  // What is exposed read-only is there and refuses; the rest is not there.
  attempt.error = success.rule.find(".read.") == std::string_view::npos ? ENOENT : EROFS;
  return {false, std::string(decide::decide_file(policy, attempt).rule)};
}

Answer ask_host(const model::Profile& profile, std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon);
  unsigned port = 0;
  if (colon != std::string_view::npos)
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (port > 65535) port = 0;
  const auto decision = decide::decide_flow(profile, host, static_cast<uint16_t>(port));
  return {decision.verdict == decide::Verdict::kAllowed, decision.rule};
}

Answer ask_forward(const model::Profile& profile, std::string_view text) {
  const bool granted =
      std::any_of(profile.forwards.begin(), profile.forwards.end(),
                  [text](const auto& one) { return std::to_string(one.port) == text; });
  if (granted) return {true, "forward." + std::string(text)};
  return {false, std::string(decide::kForwardRule)};
}

template <typename List, typename Is>
Answer ask_list(const List& list, Is is, std::string rule) {
  return {std::any_of(list.begin(), list.end(), is), std::move(rule)};
}

}  // namespace

Result<std::vector<Case>> parse_cases(std::string_view source, std::string_view file_name) {
  Problems problems;
  Value root;
  if (source.size() > parse::kMaxSourceBytes) {
    return Error{parse::to_line(file_name, {{1, 1}, "larger than 1 MiB"})};
  }
  if (!parse::read_toml(source, 0, root, problems)) return problems.to_error(file_name);
  std::vector<Case> cases;
  for (const Member& member : root.members) {
    if (member.key != "case" || member.value.kind != Value::Kind::kList) {
      problems.add(member.where, "unknown key " + named(member.key) + "; write [[case]] tables");
      continue;
    }
    for (const Value& item : member.value.items) {
      if (item.kind == Value::Kind::kTable) {
        cases.push_back(read_case(item, problems));
      } else {
        problems.add(item.where, "a case is a table; write [[case]]");
      }
    }
  }
  if (problems.empty() && cases.empty()) problems.add({1, 1}, "no [[case]]: nothing is tested");
  if (cases.size() > kMaxCases) problems.add({1, 1}, "more than 1000 cases; split the file");
  if (!problems.empty()) return problems.to_error(file_name);
  return cases;
}

Answer ask(const model::Profile& profile, Question question, std::string_view text) {
  switch (question) {
    case Question::kRead:
      return ask_path(profile, text, false);
    case Question::kWrite:
      return ask_path(profile, text, true);
    case Question::kConnect:
      return ask_host(profile, text);
    case Question::kCredential:
      return ask_list(
          profile.credentials, [text](const auto& one) { return one.name == text; },
          "credential." + std::string(text));
    case Question::kForward:
      return ask_forward(profile, text);
  }
  return {};
}

std::string check(const model::Profile& profile, const Case& expected, std::string_view file_name) {
  const Answer answer = ask(profile, expected.question, expected.text);
  const bool same_rule = expected.rule.empty() || expected.rule == answer.rule;
  if (answer.allowed == expected.allowed && same_rule) return "";
  const auto words = [](bool allowed) { return allowed ? "allowed" : "denied"; };
  std::string text = std::string(kQuestions.at(static_cast<size_t>(expected.question))) + " " +
                     named(expected.text) + " is " + words(answer.allowed) + " by " +
                     (answer.rule.empty() ? "no rule" : quoted(answer.rule)) + ", expected " +
                     words(expected.allowed);
  if (!expected.rule.empty()) text += " by " + quoted(expected.rule);
  return parse::to_line(file_name, {expected.where, text});
}

}  // namespace carrel::expect
