// A service of the host: only tasks that were given to the caller, and of the task's own making.

#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/service/people/standalone.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uid_t kAnna = 12345;
constexpr uid_t kBert = 12346;

struct Hall : Desk {
  Hall() : Desk(Serves::kGivenTasks) {
    EXPECT_TRUE(people::register_owner(*catalogue, 0).ok());
    protocol::TaskCreateRequest request;
    request.set_name("mend");
    request.set_profile_source("source mend");
    request.set_profile_path("/srv/mend.toml");
    request.set_canonical("canonical");
    request.add_people("local:12345");
    EXPECT_EQ(ask(Type::kTaskCreateRequest, request, 0).type, Type::kTaskReply);
  }

  template <typename Proto>
  Reply ask(Type type, const Proto& request, uid_t uid) {
    return monitor.answer_client(uid, message(type, request.SerializeAsString()));
  }

  static protocol::OpenRequest mend() {
    auto request = open_request();
    request.set_task("mend");
    request.set_profile_source("source mend");
    return request;
  }

  std::string refusal(const protocol::OpenRequest& request, uid_t uid = kAnna) {
    const auto failure = failure_of(ask_open(request, uid));
    EXPECT_EQ(failure.code(), 121U);
    return failure.text();
  }
};

TEST(Service, OpensATaskForWhomItWasGivenTo) {
  Hall hall;
  const Reply reply = hall.ask_open(Hall::mend(), kAnna);
  ASSERT_EQ(reply.type, Type::kOpenReply);
  protocol::OpenReply body;
  body.ParseFromString(reply.body);
  EXPECT_EQ(hall.confirm(body.ticket(), kAnna).type, Type::kSessionSpec);
}

TEST(Service, OpensNoProfile) {
  Hall hall;
  for (const uid_t uid : {kAnna, kBert, uid_t{0}}) {
    EXPECT_TRUE(
        hall.refusal(Desk::open_request(), uid).starts_with("this host's service opens tasks"));
  }
}

TEST(Service, DoesNotTellWhetherAnothersTaskIsThere) {
  Hall hall;
  auto absent = Hall::mend();
  absent.set_task("nought");
  std::string there = hall.refusal(Hall::mend(), kBert);
  const std::string not_there = hall.refusal(absent, kBert);
  there.replace(there.find("mend"), 4, "nought");
  EXPECT_EQ(there, not_there);
  EXPECT_NE(hall.refusal(Hall::mend(), 0), "");  // the admin, to whom it was not given either
}

TEST(Service, RegistersNobodyWhoIsGivenNothing) {
  Hall hall;
  (void)hall.refusal(Hall::mend(), kBert);
  EXPECT_FALSE(hall.catalogue->person("local:12346").take().has_value());
}

TEST(Service, TakesTheTasksOwnProfileAndPathAlone) {
  Hall hall;
  auto other = Hall::mend();
  other.set_profile_source("source other");
  EXPECT_EQ(hall.refusal(other), "task local/mend has a profile of its own: carrel open mend");
  auto elsewhere = Hall::mend();
  elsewhere.set_profile_path("/home/anna/mend.toml");
  const Reply reply = hall.ask_open(elsewhere, kAnna);
  ASSERT_EQ(reply.type, Type::kOpenReply);
  protocol::OpenReply body;
  body.ParseFromString(reply.body);
  const Reply confirmed = hall.confirm(body.ticket(), kAnna);
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(confirmed.body));
  EXPECT_EQ(spec.profile_path(), "/srv/mend.toml");
  const auto claims = ticket::check_ticket(body.ticket(), hall.ticket_key.public_key(),
                                           ticket::Purpose::kOpen, kAnna, hall.now_ns);
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims.value().digest, evidence::sha256(confirmed.body));
  EXPECT_EQ(claims.value().session, spec.session());
}

TEST(Service, ReadsNoProfileThatIsNotTheTasks) {
  Hall hall;
  auto request = Hall::mend();
  request.set_profile_source("not a profile");  // its reader would say so
  EXPECT_EQ(hall.refusal(request), "task local/mend has a profile of its own: carrel open mend");
}

TEST(Service, WritesNoMoreOfOneCallersLinesThanFits) {
  Hall hall;
  auto request = Hall::mend();
  request.set_task(std::string(100'000, 'x'));
  for (uint64_t i = 0; i < kLogLines + 10; ++i)
    (void)hall.refusal(request, kBert);
  EXPECT_LT(hall.log.size(), 300 * (kLogLines + 5));
  hall.now_ns += 60ULL * 1'000'000'000;
  (void)hall.refusal(request, kBert);
  EXPECT_NE(hall.log.find("lines.left_out uid=12346 count=10\n"), std::string::npos);
}

TEST(Service, SaysThatItOpensTheRepositories) {
  Hall hall;
  protocol::TaskProfileRequest request;
  request.set_name("mend");
  protocol::TaskProfileReply body;
  body.ParseFromString(hall.ask(Type::kTaskProfileRequest, request, kAnna).body);
  EXPECT_TRUE(body.service());
  EXPECT_EQ(hall.ask(Type::kTaskProfileRequest, request, kBert).type, Type::kFailure);
}

TEST(Service, LeavesTasksToTheAdmin) {
  Hall hall;
  protocol::TaskEndRequest end;
  end.set_name("mend");
  end.set_reason("done");
  EXPECT_EQ(hall.ask(Type::kTaskEndRequest, end, kAnna).type, Type::kFailure);
  EXPECT_EQ(hall.ask(Type::kTaskEndRequest, end, kBert).type, Type::kFailure);
  EXPECT_EQ(hall.ask(Type::kTaskEndRequest, end, 0).type, Type::kTaskEndReply);
}

}  // namespace
}  // namespace carrel::monitor
