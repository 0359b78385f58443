// Coming to a running session by ssh: the certificate, and what the session's server is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/service/people/standalone.h"
#include "broker/wire/ssh/bytes.h"
#include "broker/wire/ssh/certificate.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr uint64_t kNowS = 1'700'000'000;

protocol::CertificateRequest for_session(const std::string& session) {
  protocol::CertificateRequest request;
  request.set_session(session);
  request.set_public_key(std::string(evidence::as_view(key('u').public_key())));
  return request;
}

protocol::CertificateRequest for_task(const std::string& task) {
  protocol::CertificateRequest request = for_session("");
  request.set_task(task);
  return request;
}

Reply ask(Desk& desk, const protocol::CertificateRequest& request, uid_t uid = kUid) {
  return desk.monitor.answer_client(
      uid, Desk::message(Type::kCertificateRequest, request.SerializeAsString()));
}

protocol::CertificateReply given(Desk& desk, const protocol::CertificateRequest& request,
                                 uid_t uid = kUid) {
  const Reply reply = ask(desk, request, uid);
  EXPECT_EQ(reply.type, Type::kCertificateReply) << reply.body;
  protocol::CertificateReply body;
  body.ParseFromString(reply.body);
  return body;
}

Reply attach(Desk& desk, const protocol::AttachRequest& request, uid_t uid = kUid) {
  Message message = Desk::message(Type::kAttachRequest, request.SerializeAsString());
  message.fds.push_back(std::move(protocol::make_socket_pair().take().first));
  return desk.monitor.answer_client(uid, std::move(message));
}

protocol::AttachRequest by_ssh(const std::string& task) {
  protocol::AttachRequest request;
  request.set_task(task);
  request.set_ssh(true);
  return request;
}

std::string refusal(const Reply& reply, uint32_t code = 121) {
  const auto failure = Desk::failure_of(reply);
  EXPECT_EQ(failure.code(), code) << failure.text();
  return failure.text();
}

void say(Desk& desk, const std::string& session, const protocol::SessionState& state) {
  ASSERT_TRUE(
      desk.monitor
          .take_from_session(session, Desk::message(Type::kSessionState, state.SerializeAsString()))
          .ok());
}

/// The fields of a certificate that its signature covers, as text for a comparison.
std::string fields(const protocol::CertificateReply& reply, const Desk& desk) {
  const std::string& line = reply.certificate();
  const std::string bytes = *from_base64(line.substr(line.find(' ') + 1));
  ssh::Reader reader(bytes);
  (void)reader.string();
  EXPECT_EQ(reader.string().size(), ssh::kNonceBytes);
  EXPECT_EQ(reader.string(), evidence::as_view(key('u').public_key()));
  std::string out = "serial " + to_hex(reader.take(8));
  out += " type " + std::to_string(reader.u32());
  out += " id " + std::string(reader.string());
  ssh::Reader principals(reader.string());
  out += " for " + std::string(principals.string());
  EXPECT_TRUE(principals.whole());
  for (const char* word : {" after ", " before "}) {
    EXPECT_EQ(reader.u32(), 0U);
    out += word + std::to_string(int64_t{reader.u32()} - int64_t{kNowS});
  }
  (void)reader.string(), (void)reader.string(), (void)reader.string();
  EXPECT_EQ(reader.string(), ssh::to_blob(desk.ssh_key.public_key()));
  const size_t covered = bytes.size() - reader.rest().size();
  ssh::Reader signature(reader.string());
  (void)signature.string();
  EXPECT_TRUE(evidence::verify_signature(desk.ssh_key.public_key(), bytes.substr(0, covered),
                                         evidence::to_array<64>(signature.string())));
  return out;
}

TEST(SshCertificates, AreForTheSessionAndItsPersonForMinutes) {
  Desk desk;
  const std::string session = desk.live();
  const auto reply = given(desk, for_session(session.substr(0, 8)));
  EXPECT_EQ(reply.session(), session);
  EXPECT_EQ(reply.task(), "local/demo");
  EXPECT_TRUE(ssh::is_certificate_of(reply.certificate(), key('u').public_key()));
  EXPECT_EQ(fields(reply, desk), "serial 0000000000000001 type 1 id carrel:" + session +
                                     ":local:1000 for " + session + " after -60 before 300");
  EXPECT_EQ(reply.valid_until_ns(), (kNowS + 300) * 1'000'000'000);
  EXPECT_TRUE(ssh::parse_public_line(reply.host_key()).ok());
  EXPECT_THAT(desk.log,
              EndsWith("certificate session=" + session + " serial=1 person=local:1000\n"));
  EXPECT_THAT(fields(given(desk, for_session("last")), desk), HasSubstr("serial 0000000000000002"));
  EXPECT_EQ(given(desk, for_task("demo")).session(), session);
  EXPECT_EQ(given(desk, for_task("local/demo")).session(), session);
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(SshCertificates, AreOfTwoSessionsOfTwoTasksApart) {
  Desk desk;
  const std::string one = desk.live("source one");
  const std::string two = desk.live("source two");
  const auto of_one = given(desk, for_task("one"));
  const auto of_two = given(desk, for_task("two"));
  EXPECT_EQ(of_one.session(), one);
  EXPECT_EQ(of_two.session(), two);
  EXPECT_NE(of_one.host_key(), of_two.host_key());
  EXPECT_EQ(given(desk, for_session(one)).host_key(), of_one.host_key());
}

TEST(SshCertificates, AreNotForAnothers) {
  Desk desk;
  const std::string session = desk.live();
  const std::string none = "no session of task local/demo runs; open it with `carrel open demo`";
  // One who knows nothing of it, and an admin, who sees it.
  EXPECT_TRUE(people::register_owner(*desk.catalogue, 0).ok());
  EXPECT_EQ(refusal(ask(desk, for_session(session), 2000)), "no session " + session + " runs");
  EXPECT_EQ(refusal(ask(desk, for_session(session), 0)),
            "another person's session: no role allows to open it");
  for (const uid_t uid : {uid_t{0}, uid_t{2000}}) {
    EXPECT_EQ(refusal(ask(desk, for_task("demo"), uid)), none);
    EXPECT_EQ(refusal(ask(desk, for_session("last"), uid)), "no session last runs");
    EXPECT_EQ(refusal(attach(desk, by_ssh("demo"), uid)), none);
  }
  const std::string theirs = desk.live("source", 2000);  // of the same task
  EXPECT_EQ(given(desk, for_task("demo"), 2000).session(), theirs);
  EXPECT_EQ(given(desk, for_task("demo")).session(), session);
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(SshCertificates, AreOfWhatRuns) {
  Desk desk;
  EXPECT_EQ(refusal(ask(desk, for_task("demo"))),
            "no session of task local/demo runs; open it with `carrel open demo`");
  const std::string session = desk.live();
  protocol::SessionState state;
  state.set_started(true);
  state.set_paused(true);
  state.set_paused_by("local:0");
  say(desk, session, state);
  const std::string paused = refusal(ask(desk, for_task("demo")));
  EXPECT_THAT(paused, HasSubstr("session " + session + " is paused by local:0: "));
  EXPECT_EQ(refusal(attach(desk, by_ssh("demo"))), paused);
  state.set_paused(false);
  state.set_ending(true);
  say(desk, session, state);
  EXPECT_EQ(refusal(ask(desk, for_task("demo"))), "session " + session + " is ending");
  desk.monitor.end_session(session, "test");
  EXPECT_EQ(refusal(ask(desk, for_task("demo"))),
            "no session of task local/demo runs; open it with `carrel open --profile FILE`");
  EXPECT_EQ(refusal(ask(desk, for_session(session))), "no session " + session + " runs");
}

TEST(SshCertificates, TakeNothingMalformed) {
  Desk desk;
  const std::string session = desk.live();
  auto request = for_session(session);
  for (const size_t size : {size_t{0}, size_t{31}, size_t{33}, size_t{100'000}}) {
    request.set_public_key(std::string(size, 'k'));
    EXPECT_THAT(refusal(ask(desk, request), 120), HasSubstr("an Ed25519 key of 32 bytes"));
  }
  request = for_session(session);
  request.set_task("demo");
  EXPECT_EQ(refusal(ask(desk, request), 120), "name a session or a task, not both");
  EXPECT_EQ(refusal(ask(desk, for_session(""))), "no session  runs");
  for (const char* task : {"../demo", "local/", "Demo", "other/demo"})
    EXPECT_THAT(refusal(ask(desk, for_task(task)), 120), HasSubstr("names no task"));
  EXPECT_EQ(refusal(ask(desk, for_task(std::string(100'000, 'a'))), 120).size(),
            refusal(ask(desk, for_task(std::string(64, 'a') + "b")), 120).size());
  Message message = Desk::message(Type::kCertificateRequest, "\xFF\xFF");
  EXPECT_EQ(Desk::failure_of(desk.monitor.answer_client(kUid, std::move(message))).code(), 120U);
  message = Desk::message(Type::kCertificateRequest, for_session(session).SerializeAsString());
  message.fds.emplace_back(dup(desk.store.get()));
  EXPECT_EQ(desk.monitor.answer_client(kUid, std::move(message)).type, Type::kFailure);
}

TEST(AttachBySsh, TellsTheSessionWhatItsServerIs) {
  Desk desk;
  const std::string session = desk.live();
  const auto certificate = given(desk, for_task("demo"));
  ASSERT_EQ(attach(desk, by_ssh("local/demo")).type, Type::kAttachReply);
  auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, session);
  EXPECT_EQ(told[0].message.fds.size(), 1U);
  protocol::SessionAttach passed;
  ASSERT_TRUE(passed.ParseFromString(told[0].message.body));
  EXPECT_EQ(passed.channel(), 2U);
  EXPECT_EQ(passed.command_size(), 0);
  EXPECT_EQ(passed.ssh().principal(), session);
  EXPECT_EQ(ssh::parse_public_line(passed.ssh().authority()).take(), desk.ssh_key.public_key());
  const auto host_key = ssh::parse_private_file(passed.ssh().host_key());
  ASSERT_TRUE(host_key.ok());
  EXPECT_EQ(host_key.value().key.public_key(),
            ssh::parse_public_line(certificate.host_key()).take());
  EXPECT_THAT(desk.log,
              EndsWith("attach.ssh session=" + session + " channel=2 person=local:1000\n"));
}

TEST(AttachBySsh, BringsNoCommandOfItsOwn) {
  Desk desk;
  (void)desk.live();
  std::array<protocol::AttachRequest, 4> requests;
  for (protocol::AttachRequest& request : requests)
    request = by_ssh("demo");
  requests[0].add_command("/bin/true");
  requests[1].set_tty(true);
  requests[2].set_term("xterm");
  requests[3].set_lang("C");
  for (const protocol::AttachRequest& request : requests) {
    EXPECT_EQ(refusal(attach(desk, request), 120),
              "an ssh connection says itself what it runs: no command, tty, TERM or LANG");
  }
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(AttachByTask, JoinsTheCallersOwn) {
  Desk desk;
  const std::string one = desk.live("source one");
  const std::string two = desk.live("source two");
  protocol::AttachRequest request;
  request.set_task("one");
  request.add_command("/bin/true");
  ASSERT_EQ(attach(desk, request).type, Type::kAttachReply);
  const auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, one);
  protocol::SessionAttach passed;
  ASSERT_TRUE(passed.ParseFromString(told[0].message.body));
  EXPECT_FALSE(passed.has_ssh());
  EXPECT_EQ(passed.command(0), "/bin/true");
  request.set_session(two);
  EXPECT_EQ(refusal(attach(desk, request), 120), "name a session or a task, not both");
}

}  // namespace
}  // namespace carrel::monitor
