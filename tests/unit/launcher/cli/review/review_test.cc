// The verbs from their words to their exit codes, against a broker that is played by a child.

#include "launcher/cli/review/review.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "broker/wire/protocol/connection.h"
#include "tests/unit/launcher/cli/review/review_record.h"

namespace carrel::review {
namespace {

using ::testing::HasSubstr;

UniqueFd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(socket.get(), 8), 0);
  return socket;
}

/// Answers the first request that comes over this connection; a look whether it listens has none.
void answer_one(protocol::Connection connection, const Subject& subject) {
  auto received = connection.receive(5000);
  if (!received.ok()) return;
  const std::optional<protocol::Message> request = received.take();
  if (!request) return;
  if (request->type == protocol::Type::kListRequest) {
    protocol::ListReply reply;
    *reply.add_rows() = subject.row;
    (void)send_message(connection, protocol::Type::kListReply, reply).ok();
    return;
  }
  const auto wanted = protocol::parse_message<protocol::RecordRequest>(*request);
  if (!wanted.ok() || wanted.value().session() != "last") {
    protocol::Failure failure;
    failure.set_code(2);
    failure.set_text("no session \"nope\"");
    (void)send_message(connection, protocol::Type::kFailure, failure).ok();
    return;
  }
  protocol::RecordReply reply;
  *reply.mutable_row() = subject.row;
  const int fd = subject.record_dir_fd;
  (void)send_message(connection, protocol::Type::kRecordReply, reply, {&fd, 1}).ok();
}

class ReviewVerbs : public ::testing::Test {
 protected:
  void SetUp() override {
    mkdir((state_ / "run").c_str(), 0700);
    launcher_ = listen_at(state_ / "run/launcher.sock");
    const UniqueFd broker = listen_at(state_ / "run/broker.sock");
    broker_pid_ = fork();
    if (broker_pid_ != 0) return;
    while (true) {
      UniqueFd peer(accept4(broker.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) _exit(1);
      answer_one(protocol::Connection(std::move(peer)), record_.subject());
    }
  }
  void TearDown() override {
    kill(broker_pid_, SIGKILL);
    waitpid(broker_pid_, nullptr, 0);
  }
  Answer run(std::vector<std::string> words) {
    words.insert(words.end(), {"--state", state_.path()});
    return answer_of([&words](Output output) { return run_review(words, output); });
  }
  void put_policy(const std::string& name, const std::string& text) {
    std::ofstream(state_ / name, std::ios::binary) << text;
  }

  ReviewRecord record_{verify::SampleRecord::session_events()};
  support::Folder state_;
  UniqueFd launcher_;
  pid_t broker_pid_ = 0;
};

TEST_F(ReviewVerbs, ReadTheRecordThatTheBrokerHandsOut) {
  EXPECT_THAT(run({"sessions"}).out, HasSubstr("01k000000000"));
  EXPECT_EQ(run({"sessions", "--json"}).code, 0);
  EXPECT_THAT(run({"show", "last"}).out, HasSubstr("profile     demo"));
  EXPECT_THAT(run({"events", "last", "--kind", "recorder"}).out, HasSubstr("recorder.end"));
  EXPECT_EQ(run({"diff", "last"}).code, 0);
  EXPECT_EQ(run({"replay", "last", "--text"}).code, 0);
}

TEST_F(ReviewVerbs, VerifyTakesTheFilesOrTheStatesPolicy) {
  const std::string policy = evidence::format_policy(record_.record().policy());
  const Answer none = run({"verify", "last"});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.out, HasSubstr("no policy"));
  put_policy("trust.policy", policy);
  const Answer own = run({"verify", "last", "--json"});
  EXPECT_THAT(own.out, HasSubstr("\"policy\":\"state\""));
  EXPECT_EQ(own.code, 0) << own.out;
  const Answer given = run({"verify", "last", "--json", "--policy", state_ / "trust.policy"});
  EXPECT_EQ(given.code, 0);
  EXPECT_THAT(given.out, HasSubstr("\"policy\":\"file\""));
  EXPECT_EQ(run({"verify", "last", "--policy", state_ / "absent"}).code, 2);
  EXPECT_EQ(run({"verify", "last", "--policy", state_.path()}).code, 1);
  put_policy("bad.policy", "nonsense\n");
  EXPECT_EQ(run({"verify", "last", "--policy", state_ / "bad.policy"}).code, 1);
  put_policy("large.policy", std::string(70000, '#'));
  EXPECT_THAT(run({"verify", "last", "--policy", state_ / "large.policy"}).err,
              HasSubstr("larger than 64 KiB"));
}

TEST_F(ReviewVerbs, SayWhatIsNotThere) {
  const Answer refused = run({"show", "nope"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("carrel show: no session"));
  EXPECT_EQ(run({"show"}).code, 1);
  EXPECT_EQ(run({"frob"}).code, 1);
  const Answer stateless = answer_of([](Output output) {
    return run_review({"sessions", "--state", "/nonexistent/state"}, output);
  });
  EXPECT_EQ(stateless.code, 2);
  EXPECT_THAT(stateless.err, HasSubstr("no state folder /nonexistent/state"));
  EXPECT_THAT(run({"diff", "--help"}).out, HasSubstr("usage: carrel diff"));
}

}  // namespace
}  // namespace carrel::review
