#include "broker/service/people/may.h"

#include <algorithm>
#include <array>
#include <vector>

namespace carrel::people {
namespace {

struct Row {
  Action action;
  bool own;                   // one's own sessions
  std::vector<Role> others;   // roles that may do it to another person's
  std::string_view conflict;  // when it is one's own
};

// author ≠ reviewer ≠ operator: who runs sessions for others does not review them, and a review of
// one's own session convinces nobody else.
const std::array<Row, 10>& table() {
  static const std::array<Row, 10> rows{{
      {Action::kOpen, true, {}, ""},
      {Action::kList, true, {Role::kReviewer, Role::kOperator, Role::kAdmin}, ""},
      {Action::kReview, true, {Role::kReviewer}, "own session: not an independent review"},
      {Action::kVerify, true, {Role::kReviewer, Role::kAdmin}, ""},
      {Action::kClose, true, {Role::kOperator, Role::kAdmin}, ""},
      {Action::kPause, true, {Role::kOperator, Role::kAdmin}, ""},
      {Action::kResume, true, {Role::kOperator, Role::kAdmin}, ""},
      {Action::kCreateTask, false, {Role::kAdmin}, ""},
      {Action::kEndTask, true, {Role::kAdmin}, ""},
      {Action::kGrant, false, {Role::kAdmin}, "own request: not an independent approval"},
  }};
  return rows;
}

Decision refuse(std::string reason) {
  return Decision{false, std::move(reason), ""};
}

/// Roles that one person must not hold together, whatever each alone allows.
bool holds_conflicting_roles(const std::set<Role>& roles) {
  return roles.contains(Role::kReviewer) && roles.contains(Role::kOperator);
}

Decision decide_for_other(const Actor& actor, const Row& row) {
  if (holds_conflicting_roles(actor.roles)) {
    return refuse("one person is both reviewer and operator: their roles are suspended");
  }
  for (const Role role : row.others) {
    if (actor.roles.contains(role)) {
      return Decision{true, "role " + std::string(to_word(role)), ""};
    }
  }
  if (row.action == Action::kCreateTask || row.action == Action::kEndTask) {
    return refuse("no role allows you to " + std::string(to_word(row.action)));
  }
  return refuse("another person's session: no role allows to " + std::string(to_word(row.action)) +
                " it");
}

}  // namespace

std::string_view to_word(Action action) {
  switch (action) {
    case Action::kOpen:
      return "open";
    case Action::kList:
      return "list";
    case Action::kReview:
      return "review";
    case Action::kVerify:
      return "verify";
    case Action::kClose:
      return "close";
    case Action::kPause:
      return "pause";
    case Action::kResume:
      return "resume";
    case Action::kCreateTask:
      return "create a task";
    case Action::kEndTask:
      return "end a task";
    case Action::kGrant:
      return "decide requests of";
  }
  return "";
}

std::string_view to_word(Role role) {
  switch (role) {
    case Role::kReviewer:
      return "reviewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

std::optional<Role> role_from(std::string_view word) {
  for (const Role role : {Role::kReviewer, Role::kOperator, Role::kAdmin}) {
    if (to_word(role) == word) return role;
  }
  return std::nullopt;
}

Decision may(const Actor& actor, Action action, const Subject& subject) {
  if (!actor.person.has_value()) return refuse("not a registered person");
  if (actor.person->uid != actor.peer_uid) return refuse("registered with another uid");
  if (actor.person->organisation != subject.organisation) return refuse("another organisation");
  const auto row = std::find_if(table().begin(), table().end(),
                                [action](const Row& r) { return r.action == action; });
  if (row == table().end()) return refuse("no such action");
  if (actor.person->id != subject.person) return decide_for_other(actor, *row);
  // Who was stopped by another does not go on by their own word.
  const bool stopped = !subject.paused_by.empty() && subject.paused_by != actor.person->id;
  if (action == Action::kResume && stopped) {
    Decision decision = decide_for_other(actor, *row);
    if (!decision.allowed) decision.reason = "paused by " + subject.paused_by + ": ask them";
    return decision;
  }
  // Whoever asks does not approve; where there is only one person, the record says so.
  if (action == Action::kGrant && subject.alone && actor.roles.contains(Role::kAdmin)) {
    return Decision{true, "the only person here", std::string(row->conflict)};
  }
  if (action == Action::kGrant) return refuse("your own request: another person decides it");
  if (!row->own) return refuse("not for one's own session");
  return Decision{true, "own session", std::string(row->conflict)};
}

}  // namespace carrel::people
