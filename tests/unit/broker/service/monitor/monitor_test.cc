#include "broker/service/monitor/monitor.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "broker/record/evidence/note.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

Message end_message(const std::string& by, int code) {
  protocol::EndSession body;
  body.set_by(by);
  body.set_code(code);
  return {Type::kEndSession, body.SerializeAsString(), {}};
}

Message mint_message(const std::string& name, bool renewal) {
  protocol::MintCredential body;
  body.set_name(name);
  body.set_renewal(renewal);
  return {Type::kMintCredential, body.SerializeAsString(), {}};
}

// ---- opening -----------------------------------------------------------------------------------

TEST(MonitorOpen, HandsOnWhereARuleStandsInAnotherFile) {
  Desk desk;
  protocol::OpenRequest request = Desk::open_request();
  protocol::ExtendedSource* extended = request.add_extended();
  extended->set_name("base/x");
  extended->set_source("[session]\n");
  const Reply opened = desk.ask_open(request);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(opened.body));
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(desk.confirm(body.ticket()).body));
  ASSERT_EQ(spec.rule_lines_size(), 2);
  EXPECT_EQ(spec.rule_lines(0).file(), "");
  EXPECT_EQ(spec.rule_lines(1).file(), "base/x");
}

TEST(MonitorOpen, GivesATicketThatTheLauncherCanConfirm) {
  Desk desk;
  const auto body = desk.opened();
  EXPECT_TRUE(is_ulid(body.session()));
  EXPECT_TRUE(is_ulid(body.workspace()));
  EXPECT_NE(body.session(), body.workspace());
  EXPECT_EQ(body.task(), "local/demo");
  const Reply reply = desk.confirm(body.ticket());
  ASSERT_EQ(reply.type, Type::kSessionSpec);
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(reply.body));
  EXPECT_EQ(spec.session(), body.session());
  EXPECT_EQ(spec.person(), "local:1000");
  EXPECT_EQ(spec.canonical(), "canonical");
  EXPECT_EQ(spec.command(0), "/bin/true");
  ASSERT_EQ(spec.rule_lines_size(), 1);
  EXPECT_EQ(spec.rule_lines(0).line(), 4U);
  EXPECT_EQ(desk.catalogue->person("local:1000").take()->organisation, "local");
}

TEST(MonitorOpen, RefusesWhatIsNotWhatItSays) {
  Desk desk;
  const auto refused = [&](auto spoil) {
    auto request = Desk::open_request();
    spoil(request);
    return Desk::failure_of(desk.ask_open(request)).code();
  };
  EXPECT_EQ(refused([](auto& r) { r.set_profile_source("other"); }), 120U);
  EXPECT_EQ(refused([](auto& r) { r.set_canonical("other"); }), 120U);
  EXPECT_EQ(refused([](auto& r) { r.set_profile_source(std::string((1 << 20) + 1, 'x')); }), 120U);
  EXPECT_EQ(refused([](auto& r) { r.set_profile_path(std::string(5000, 'x')); }), 120U);
  EXPECT_EQ(refused([](auto& r) { r.add_command(std::string("a\0b", 3)); }), 120U);
  EXPECT_EQ(refused([](auto& r) { r.add_command(std::string(1 << 20, 'x')); }), 120U);
  EXPECT_EQ(refused([](auto& r) {
              for (int i = 0; i < 5000; ++i)
                r.add_command("x");
            }),
            120U);
  EXPECT_EQ(Desk::failure_of(
                desk.monitor.answer_client(kUid, Desk::message(Type::kOpenRequest, "\xFF\xFF\xFF")))
                .code(),
            120U);
}

TEST(MonitorOpen, BindsTheTicketToTheUidAndToOneUse) {
  Desk desk;
  const auto stolen = desk.opened();
  EXPECT_EQ(Desk::failure_of(desk.confirm(stolen.ticket(), 1001)).code(), 121U);
  EXPECT_EQ(Desk::failure_of(desk.confirm(stolen.ticket())).code(), 121U);
  const auto twice = desk.opened();
  EXPECT_EQ(desk.confirm(twice.ticket()).type, Type::kSessionSpec);
  EXPECT_EQ(Desk::failure_of(desk.confirm(twice.ticket())).code(), 121U);
}

TEST(MonitorOpen, StartsOnlyWhatWasConfirmedAndOnlyOnce) {
  Desk desk;
  const auto body = desk.opened();
  EXPECT_EQ(Desk::failure_of(desk.start(body.session()).reply).code(), 123U);
  desk.confirm(body.ticket());
  const auto answer = desk.start(body.session());
  EXPECT_EQ(answer.reply.type, Type::kAck);
  EXPECT_EQ(answer.started, body.session());
  EXPECT_TRUE(answer.channel.valid());
  EXPECT_EQ(Desk::failure_of(desk.start(body.session()).reply).code(), 123U);
  EXPECT_EQ(desk.monitor.live_sessions(), 1U);
}

TEST(MonitorClient, RefusesMessagesThatAreNotForClients) {
  Desk desk;
  for (const Type type : {Type::kConfirmTicket, Type::kSessionStart, Type::kSegmentBlock,
                          Type::kMintCredential, static_cast<Type>(9999)}) {
    EXPECT_EQ(Desk::failure_of(desk.monitor.answer_client(kUid, Desk::message(type, ""))).code(),
              1U);
  }
}

// ---- a session's life --------------------------------------------------------------------------

TEST(MonitorSession, IsClosedByItsClosingSeal) {
  Desk desk;
  const std::string session = desk.live();
  SessionMaker maker(session);
  begin(desk, maker, session);
  EXPECT_EQ(desk.list().rows(0).state(), "running");
  maker.add(events::FileProbe{"/x"});
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.block()).ok());
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.seal(SealState::kRunning)).ok());
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed, 5)).ok());
  ASSERT_TRUE(desk.monitor.take_from_session(session, end_message("command", 7)).take().empty());
  desk.monitor.end_session(session, "channel closed");
  EXPECT_EQ(desk.monitor.live_sessions(), 0U);
  const store::SessionRow row = desk.catalogue->session(session).take().value();
  EXPECT_EQ(row.state, store::SessionState::kClosed);
  EXPECT_EQ(row.end_by, "command");
  EXPECT_EQ(row.end_code, 7);
  EXPECT_EQ(row.events, 2U);
  EXPECT_EQ(row.denied, 1U);
  EXPECT_EQ(row.lost, 5U);
  const auto seals = desk.seals(session);
  ASSERT_EQ(seals.size(), 3U);
  const auto broker = evidence::make_vkey(evidence::kBrokerKeyName, desk.broker_key.public_key());
  EXPECT_EQ(evidence::check_signature(seals[0].note, broker), evidence::SignatureState::kGood);
  EXPECT_EQ(evidence::check_signature(seals[1].note, broker), evidence::SignatureState::kMissing);
  EXPECT_EQ(evidence::check_signature(seals[2].note, broker), evidence::SignatureState::kGood);
}

TEST(MonitorSession, IsBrokenWithoutItsClosingSeal) {
  Desk desk;
  const std::string session = desk.live();
  SessionMaker maker(session);
  begin(desk, maker, session);
  protocol::SessionGone gone;
  gone.set_session(session);
  gone.set_how("killed by signal 9");
  EXPECT_EQ(
      desk.monitor.answer_launcher(Desk::message(Type::kSessionGone, gone.SerializeAsString()))
          .reply.type,
      Type::kAck);
  const store::SessionRow row = desk.catalogue->session(session).take().value();
  EXPECT_EQ(row.state, store::SessionState::kBroken);
  EXPECT_EQ(row.end_by, "kill");
  EXPECT_EQ(row.end_code, 137);
  EXPECT_EQ(row.events, 1U);
  EXPECT_FALSE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed)).ok());
}

TEST(MonitorSession, EndsAtTheFirstMessageThatIsWrong) {
  const std::string id = "01hzx00000000000000000000z";
  struct Row {
    const char* why;
    std::function<Message(SessionMaker&)> make;
  };
  const std::vector<Row> rows{
      {"no block",
       [](SessionMaker&) {
         return Message{Type::kSegmentBlock, "x", {}};
       }},
      {"malformed seal",
       [](SessionMaker&) {
         return Message{Type::kSeal, "\xFF\xFF", {}};
       }},
      {"another's seal", [&](SessionMaker&) { return SessionMaker(id).seal(SealState::kOpen); }},
      {"second open seal",
       [](SessionMaker& m) {
         return m.seal(SealState::kRunning), Message{Type::kSeal, "", {}};
       }},
      {"a client's message",
       [](SessionMaker&) {
         return Message{Type::kListRequest, "", {}};
       }},
      {"a launcher's message",
       [](SessionMaker&) {
         return Message{Type::kSessionStart, "", {}};
       }},
      {"blob without digest",
       [](SessionMaker&) {
         return Message{Type::kBlobPart, "", {}};
       }},
      {"credential not granted", [](SessionMaker&) { return mint_message("billing", false); }},
      {"renewal of nothing", [](SessionMaker&) { return mint_message("registry", true); }},
      {"an end before the closing seal", [](SessionMaker&) { return end_message("command", 0); }},
  };
  for (const Row& row : rows) {
    Desk desk;
    const std::string session = desk.live();
    SessionMaker maker(session);
    begin(desk, maker, session);
    EXPECT_FALSE(desk.monitor.take_from_session(session, row.make(maker)).ok()) << row.why;
    EXPECT_FALSE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed)).ok())
        << row.why;
    desk.monitor.end_session(session, "protocol");
    EXPECT_EQ(desk.catalogue->session(session).take()->state, store::SessionState::kBroken)
        << row.why;
    EXPECT_EQ(desk.catalogue->session(session).take()->end_by, "kill") << row.why;
  }
}

TEST(MonitorSession, TakesNoMalformedEnd) {
  for (const auto& [by, code] :
       std::vector<std::pair<std::string, int>>{{"whim", 0}, {"command", 4000}, {"command", -1}}) {
    Desk desk;
    const std::string session = desk.live();
    SessionMaker maker(session);
    begin(desk, maker, session);
    ASSERT_TRUE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed)).ok());
    EXPECT_FALSE(desk.monitor.take_from_session(session, end_message(by, code)).ok()) << by;
  }
}

TEST(MonitorSession, TakesNoDescriptors) {
  Desk desk;
  const std::string session = desk.live();
  Message message = mint_message("registry", false);
  message.fds.emplace_back(dup(desk.store.get()));
  EXPECT_FALSE(desk.monitor.take_from_session(session, message).ok());
}

TEST(MonitorSession, AcknowledgesABlobOnceItIsWhole) {
  Desk desk;
  const std::string session = desk.live();
  protocol::BlobPart part;
  const std::string digest(evidence::as_view(evidence::sha256("abcdef")));
  part.set_sha256(digest);
  part.set_bytes("abc");
  const auto send = [&] {
    return desk.monitor.take_from_session(session, {Type::kBlobPart, part.SerializeAsString(), {}});
  };
  EXPECT_TRUE(send().take().empty());
  part.set_offset(3);
  part.set_bytes("def");
  part.set_last(true);
  const auto replies = send().take();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].type, Type::kBlobStored);
  EXPECT_TRUE(
      std::filesystem::exists(desk.folder / ("sessions/" + session + "/blobs/" + to_hex(digest))));
}

TEST(MonitorSession, MintsWhatTheProfileGrantsAndRenewsAtHalfOfItsLife) {
  Desk desk;
  const std::string session = desk.live();
  const auto mint = [&](bool renewal) {
    return desk.monitor.take_from_session(session, mint_message("registry", renewal));
  };
  auto replies = mint(false).take();
  ASSERT_EQ(replies.size(), 1U);
  protocol::Minted first;
  ASSERT_TRUE(first.ParseFromString(replies[0].body));
  EXPECT_EQ(first.audience(), "r.example");
  EXPECT_EQ(first.not_after(), first.issued() + 120);
  EXPECT_EQ(first.jwks(), desk.issuer.jwks());
  desk.now_ns += 60ULL * 1'000'000'000;
  replies = mint(true).take();
  protocol::Minted second;
  ASSERT_TRUE(second.ParseFromString(replies[0].body));
  EXPECT_TRUE(second.renewal());
  EXPECT_NE(second.lease(), first.lease());
  EXPECT_EQ(second.issued(), first.issued() + 60);
  desk.now_ns += 30ULL * 1'000'000'000;
  EXPECT_FALSE(mint(true).ok());
}

TEST(MonitorSession, MintsNothingTwiceAsNewAndNothingAfterTheEnd) {
  Desk desk;
  const std::string twice = desk.live();
  ASSERT_TRUE(desk.monitor.take_from_session(twice, mint_message("registry", false)).ok());
  EXPECT_FALSE(desk.monitor.take_from_session(twice, mint_message("registry", false)).ok());
  const std::string ended = desk.live("source other");
  SessionMaker maker(ended);
  begin(desk, maker, ended);
  ASSERT_TRUE(desk.monitor.take_from_session(ended, maker.seal(SealState::kClosed)).ok());
  EXPECT_FALSE(desk.monitor.take_from_session(ended, mint_message("registry", false)).ok());
}

// ---- reading -----------------------------------------------------------------------------------

TEST(MonitorRecord, GivesTheFolderToItsOwnPersonOnly) {
  Desk desk;
  const std::string session = desk.live();
  const Reply reply = desk.record("last", "show");
  ASSERT_EQ(reply.type, Type::kRecordReply);
  ASSERT_EQ(reply.fds.size(), 1U);
  EXPECT_EQ(fcntl(reply.fds[0].get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(desk.record(session.substr(0, 12), "verify").type, Type::kRecordReply);
  EXPECT_EQ(Desk::failure_of(desk.record("last", "show", 1001)).code(), 2U);
  EXPECT_EQ(Desk::failure_of(desk.record(session, "verify", 0)).code(), 2U);
  EXPECT_EQ(Desk::failure_of(desk.record(session, "erase")).code(), 1U);
  EXPECT_EQ(Desk::failure_of(desk.record("../" + session, "show")).code(), 2U);
}

TEST(MonitorRecord, LetsAnAdminListAndVerifyButNotReview) {
  Desk desk;
  const std::string session = desk.live();
  EXPECT_EQ(desk.list(2000).rows_size(), 0);
  ASSERT_TRUE(desk.catalogue->register_person({"local:2000", "local", 2000}).ok());
  EXPECT_EQ(desk.list(2000).rows_size(), 0);
  ASSERT_TRUE(desk.catalogue->grant_role("local:2000", "admin").ok());
  EXPECT_EQ(desk.list(2000).rows_size(), 1);
  EXPECT_EQ(desk.record(session, "verify", 2000).type, Type::kRecordReply);
  EXPECT_EQ(Desk::failure_of(desk.record(session, "replay", 2000)).code(), 2U);
}

TEST(MonitorList, ShowsALiveSessionAsItIsNow) {
  Desk desk;
  const std::string session = desk.live();
  SessionMaker maker(session);
  begin(desk, maker, session);
  const auto reply = desk.list();
  ASSERT_EQ(reply.rows_size(), 1);
  EXPECT_EQ(reply.rows(0).events(), 1U);
  EXPECT_EQ(reply.rows(0).host(), "desk");
  EXPECT_EQ(reply.rows(0).end_by(), "");
}

TEST(MonitorLog, HoldsNoSecretAndNoRawBytes) {
  Desk desk;
  const std::string session = desk.live();
  protocol::Minted minted;
  minted.ParseFromString(
      desk.monitor.take_from_session(session, mint_message("registry", false)).take()[0].body);
  desk.monitor.end_session(session, "\x1B[2J\n");
  EXPECT_EQ(desk.log.find(minted.token()), std::string::npos);
  EXPECT_EQ(desk.log.find('\x1B'), std::string::npos);
  EXPECT_NE(desk.log.find("session.ended session=" + session + " state=broken"), std::string::npos);
}

}  // namespace
}  // namespace carrel::monitor
