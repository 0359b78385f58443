#include "broker/service/people/may.h"

#include <gtest/gtest.h>

#include "broker/service/people/standalone.h"
#include "broker/service/store/sqlite_catalogue.h"
#include "tests/support/folder.h"

namespace carrel::people {
namespace {

Actor person(uid_t uid, std::set<Role> roles = {}) {
  return Actor{uid, store::Person{local_person(uid), "local", uid}, std::move(roles)};
}

const Subject kOwn{"local:1000", "local", ""};

struct Refusal {
  const char* why;
  Actor actor;
  Action action;
  Subject subject;
  const char* reason;
};

TEST(May, RefusesWhatTheTableDoesNotAllow) {
  Actor stranger = person(1000);
  stranger.person.reset();
  Actor borrowed = person(1000);
  borrowed.peer_uid = 1001;
  Actor elsewhere = person(1000);
  elsewhere.person->organisation = "acme";
  const Actor other = person(2000);
  const std::set<Role> both{Role::kReviewer, Role::kOperator};
  const char* no_role = "no role allows";
  const std::vector<Refusal> rows{
      {"unknown person opens", stranger, Action::kOpen, kOwn, "not a registered"},
      {"unknown person lists", stranger, Action::kList, kOwn, "not a registered"},
      {"unknown person reviews", stranger, Action::kReview, kOwn, "not a registered"},
      {"unknown person verifies", stranger, Action::kVerify, kOwn, "not a registered"},
      {"unknown person closes", stranger, Action::kClose, kOwn, "not a registered"},
      {"another uid", borrowed, Action::kReview, kOwn, "another uid"},
      {"another organisation", elsewhere, Action::kReview, kOwn, "another organisation"},
      {"opens as another", other, Action::kOpen, kOwn, no_role},
      {"lists another's", other, Action::kList, kOwn, no_role},
      {"reviews another's", other, Action::kReview, kOwn, no_role},
      {"verifies another's", other, Action::kVerify, kOwn, no_role},
      {"closes another's", other, Action::kClose, kOwn, no_role},
      {"reviewer opens as another", person(2000, {Role::kReviewer}), Action::kOpen, kOwn, no_role},
      {"pauses another's", other, Action::kPause, kOwn, no_role},
      {"resumes another's", other, Action::kResume, kOwn, no_role},
      {"reviewer pauses", person(2000, {Role::kReviewer}), Action::kPause, kOwn, no_role},
      {"creates a task", person(1000), Action::kCreateTask, {"", "local", ""}, "create a task"},
      {"ends a task", person(1000), Action::kEndTask, {"", "local", ""}, "end a task"},
      {"ends another's task", other, Action::kEndTask, kOwn, "end a task"},
      {"operator creates a task",
       person(2000, {Role::kOperator}),
       Action::kCreateTask,
       {"", "local", ""},
       "create a task"},
      {"reviewer ends a task", person(2000, {Role::kReviewer}), Action::kEndTask, kOwn,
       "end a task"},
      {"reviewer closes", person(2000, {Role::kReviewer}), Action::kClose, kOwn, no_role},
      {"operator reviews", person(2000, {Role::kOperator}), Action::kReview, kOwn, no_role},
      {"operator verifies", person(2000, {Role::kOperator}), Action::kVerify, kOwn, no_role},
      {"admin opens as another", person(2000, {Role::kAdmin}), Action::kOpen, kOwn, no_role},
      {"admin reviews", person(2000, {Role::kAdmin}), Action::kReview, kOwn, no_role},
      {"root without a role", person(0), Action::kReview, kOwn, no_role},
      {"reviewer and operator at once", person(2000, both), Action::kReview, kOwn, "suspended"},
      {"operator and reviewer at once", person(2000, both), Action::kClose, kOwn, "suspended"},
  };
  for (const Refusal& row : rows) {
    const Decision decision = may(row.actor, row.action, row.subject);
    EXPECT_FALSE(decision.allowed) << row.why;
    EXPECT_NE(decision.reason.find(row.reason), std::string::npos)
        << row.why << ": " << decision.reason;
  }
}

TEST(May, AllowsOnesOwnSessions) {
  for (const Action action : {Action::kOpen, Action::kList, Action::kReview, Action::kVerify,
                              Action::kClose, Action::kPause, Action::kResume}) {
    EXPECT_TRUE(may(person(1000), action, kOwn).allowed) << to_word(action);
  }
  EXPECT_NE(may(person(1000), Action::kReview, kOwn).conflict, "");
}

TEST(May, LetsAdminsMakeAndEndTasks) {
  const Subject nobody{"", "local", ""};
  EXPECT_TRUE(may(person(0, {Role::kAdmin}), Action::kCreateTask, nobody).allowed);
  EXPECT_TRUE(may(person(0, {Role::kAdmin}), Action::kEndTask, nobody).allowed);
  EXPECT_TRUE(may(person(1000), Action::kEndTask, kOwn).allowed);
}

TEST(May, LetsWhoGrantsDecideAndWhoAsksNotApprove) {
  EXPECT_TRUE(may(person(0, {Role::kAdmin}), Action::kGrant, kOwn).allowed);
  EXPECT_EQ(may(person(0, {Role::kAdmin}), Action::kGrant, kOwn).conflict, "");
  for (const Role role : {Role::kReviewer, Role::kOperator})
    EXPECT_FALSE(may(person(2000, {role}), Action::kGrant, kOwn).allowed) << to_word(role);
  EXPECT_FALSE(may(person(1000), Action::kGrant, kOwn).allowed);
  EXPECT_FALSE(may(person(1000, {Role::kAdmin}), Action::kGrant, kOwn).allowed) << "one's own";
  Subject alone = kOwn;
  alone.alone = true;
  EXPECT_FALSE(may(person(1000), Action::kGrant, alone).allowed) << "another's folder";
  const Decision decision = may(person(1000, {Role::kAdmin}), Action::kGrant, alone);
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.conflict, "own request: not an independent approval");
}

TEST(May, LetsNobodyGoOnWhomAnotherPaused) {
  Subject paused = kOwn;
  paused.paused_by = "local:1000";
  EXPECT_TRUE(may(person(1000), Action::kResume, paused).allowed);
  paused.paused_by = "local:0";
  const Decision refused = may(person(1000), Action::kResume, paused);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.reason, "paused by local:0: ask them");
  EXPECT_FALSE(may(person(1000, {Role::kReviewer}), Action::kResume, paused).allowed);
  EXPECT_TRUE(may(person(1000, {Role::kAdmin}), Action::kResume, paused).allowed);
  EXPECT_TRUE(may(person(2000, {Role::kOperator}), Action::kResume, paused).allowed);
  EXPECT_TRUE(may(person(1000), Action::kClose, paused).allowed);
}

TEST(May, AllowsRolesWhatTheyAreFor) {
  EXPECT_TRUE(may(person(2000, {Role::kReviewer}), Action::kReview, kOwn).allowed);
  EXPECT_TRUE(may(person(2000, {Role::kReviewer}), Action::kVerify, kOwn).allowed);
  EXPECT_TRUE(may(person(2000, {Role::kReviewer}), Action::kList, kOwn).allowed);
  EXPECT_TRUE(may(person(2000, {Role::kOperator}), Action::kClose, kOwn).allowed);
  EXPECT_TRUE(may(person(2000, {Role::kAdmin}), Action::kClose, kOwn).allowed);
  for (const Role role : {Role::kOperator, Role::kAdmin}) {
    EXPECT_TRUE(may(person(2000, {role}), Action::kPause, kOwn).allowed);
    EXPECT_TRUE(may(person(2000, {role}), Action::kResume, kOwn).allowed);
  }
  EXPECT_EQ(may(person(2000, {Role::kReviewer}), Action::kReview, kOwn).conflict, "");
}

TEST(Standalone, RegistersAPersonOnceAndLoadsTheirRoles) {
  const support::Folder folder;
  auto catalogue = store::open_sqlite_catalogue(folder / "c").take().catalogue;
  EXPECT_FALSE(load_actor(*catalogue, 1000).take().person.has_value());
  ASSERT_TRUE(register_local(*catalogue, 1000).ok());
  ASSERT_TRUE(register_local(*catalogue, 1000).ok());
  ASSERT_TRUE(catalogue->grant_role("local:1000", "reviewer").ok());
  ASSERT_TRUE(catalogue->grant_role("local:1000", "emperor").ok());
  const Actor actor = load_actor(*catalogue, 1000).take();
  EXPECT_EQ(actor.person, (store::Person{"local:1000", "local", 1000}));
  EXPECT_EQ(actor.roles, std::set<Role>{Role::kReviewer});
  EXPECT_EQ(local_task("demo"), "local/demo");
}

}  // namespace
}  // namespace carrel::people
