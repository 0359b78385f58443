#pragma once
// A monitor with a store of its own, asked as clients, launcher and sessions ask it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/service/monitor/monitor.h"
#include "broker/service/store/sqlite_catalogue.h"
#include "tests/support/folder.h"
#include "tests/unit/broker/service/monitor/session_maker.h"

namespace carrel::monitor {

using evidence::SealState;
using protocol::Message;
using protocol::Type;
using support::SessionMaker;

inline constexpr uid_t kUid = 1000;

/// The source "source" is profile demo, "source NAME" another one; all have one canonical form.
inline Result<ReadProfile> fake_reader(std::string_view source, std::string_view path,
                                       const ExtendedSources& extended) {
  if (!source.starts_with("source")) return Error{std::string(path) + ":1:1: not a profile"};
  ReadProfile read;
  read.profile.name = source.size() > 7 ? source.substr(7) : "demo";
  read.profile.version = 3;
  read.profile.credentials.push_back(
      {"registry", model::CredentialKind::kJwt, "r.example", 120, {}});
  read.canonical = source == "source demo" ? "changed" : "canonical";
  read.rule_lines = {{"repository.app", 4}};
  for (const protocol::ExtendedSource& one : extended)
    read.rule_lines.push_back({"session.max_duration", 2, one.name()});
  if (source.starts_with("source agreed")) read.agreement = AgreementTerms{"nda.md", 2};
  if (source.starts_with("source brief")) read.workspace_kept_s = 60;
  if (source == "source tiny") read.profile.credentials[0].ttl_s = 3;
  const auto credential = [&read](model::CredentialKind kind, const char* from) {
    read.profile.credentials.push_back({"secret", kind, "", 120, {}, {}, from});
  };
  if (source == "source file") credential(model::CredentialKind::kFile, "secret:ci");
  if (source == "source header") credential(model::CredentialKind::kHeader, "secret:ci");
  if (source == "source crossed") credential(model::CredentialKind::kFile, "ca:ci");
  if (source == "source asked") {
    read.profile.credentials[0].issue = model::CredentialIssue::kRequest;
    credential(model::CredentialKind::kHeader, "secret:ci");
    read.profile.credentials[1].issue = model::CredentialIssue::kRequest;
    model::Network network;
    network.host = "a.example";
    network.credential = "secret";
    read.profile.networks.push_back(network);
  }
  if (source == "source ssh") credential(model::CredentialKind::kSshCertificate, "ca:ci");
  return read;
}

inline evidence::SigningKey key(char fill) {
  return evidence::SigningKey::from_seed(Secret(std::string(32, fill))).take();
}

struct Desk {
  explicit Desk(Serves serves = Serves::kCallersProfiles)
      : store(open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        catalogue(store::open_sqlite_catalogue(folder / "c").take().catalogue),
        records(store::RecordFolder::open(store.get()).take()),
        broker_key(key('b')),
        ticket_key(key('k')),
        ssh_key(key('s')),
        world{[this] { return now_ns; },
              [this](size_t n) {
                std::string bytes(n, 0);
                for (char& byte : bytes)
                  byte = static_cast<char>(++drawn);
                return Result<std::string>(bytes);
              }},
        issuer("carrel.test", key('t'), world),
        monitor({*catalogue, records, broker_key, ticket_key, ssh_key, issuer, world, fake_reader,
                 [this](const std::string& line) { log += line + "\n"; }, serves}) {}

  static Message message(Type type, const std::string& body) { return {type, body, {}}; }

  static protocol::OpenRequest open_request() {
    protocol::OpenRequest request;
    request.set_profile_source("source");
    request.set_profile_path("demo.toml");
    request.set_canonical("canonical");
    request.add_command("/bin/true");
    return request;
  }

  Reply ask_open(const protocol::OpenRequest& request, uid_t uid = kUid) {
    return monitor.answer_client(uid, message(Type::kOpenRequest, request.SerializeAsString()));
  }

  protocol::OpenReply opened(const std::string& source = "source", uid_t uid = kUid) {
    auto request = open_request();
    request.set_profile_source(source);
    const Reply reply = ask_open(request, uid);
    EXPECT_EQ(reply.type, Type::kOpenReply);
    protocol::OpenReply body;
    body.ParseFromString(reply.body);
    return body;
  }

  Reply confirm(const std::string& ticket, uid_t uid = kUid) {
    protocol::ConfirmTicket body;
    body.set_ticket(ticket);
    body.set_peer_uid(uid);
    return monitor.answer_launcher(message(Type::kConfirmTicket, body.SerializeAsString())).reply;
  }

  Monitor::LauncherAnswer start(const std::string& session) {
    protocol::SessionStart body;
    body.set_session(session);
    body.set_host("desk");
    body.set_mode("root");
    Message start = message(Type::kSessionStart, body.SerializeAsString());
    start.fds.emplace_back(dup(store.get()));
    return monitor.answer_launcher(std::move(start));
  }

  /// A session that lives.
  std::string live(const std::string& source = "source", uid_t uid = kUid) {
    const auto body = opened(source, uid);
    EXPECT_EQ(confirm(body.ticket(), uid).type, Type::kSessionSpec);
    EXPECT_EQ(start(body.session()).reply.type, Type::kAck);
    return body.session();
  }

  protocol::ListReply list(uid_t uid = kUid) {
    const Reply reply = monitor.answer_client(uid, message(Type::kListRequest, ""));
    protocol::ListReply body;
    EXPECT_EQ(reply.type, Type::kListReply);
    body.ParseFromString(reply.body);
    return body;
  }

  Reply record(const std::string& session, const std::string& action, uid_t uid = kUid) {
    protocol::RecordRequest body;
    body.set_session(session);
    body.set_action(action);
    return monitor.answer_client(uid, message(Type::kRecordRequest, body.SerializeAsString()));
  }

  static protocol::Failure failure_of(const Reply& reply) {
    EXPECT_EQ(reply.type, Type::kFailure);
    protocol::Failure body;
    body.ParseFromString(reply.body);
    return body;
  }

  std::vector<segments::RecordReader::StoredSeal> seals(const std::string& session) {
    const UniqueFd fd = records.open_record(session).take();
    return segments::RecordReader::open(fd.get()).take().seals().take();
  }

  support::Folder folder;
  UniqueFd store;
  std::unique_ptr<store::Catalogue> catalogue;
  store::RecordFolder records;
  evidence::SigningKey broker_key;
  evidence::SigningKey ticket_key;
  evidence::SigningKey ssh_key;
  uint64_t now_ns = 1'700'000'000'000'000'000;
  int drawn = 0;
  World world;
  credentials::Issuer issuer;
  std::string log;
  Monitor monitor;
};

/// Sends a session's first block and seal; both are acknowledged.
inline void begin(Desk& desk, SessionMaker& maker, const std::string& session) {
  maker.add(maker.first_event());
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.block()).take().empty());
  const auto replies = desk.monitor.take_from_session(session, maker.seal(SealState::kOpen)).take();
  ASSERT_EQ(replies.size(), 1U);
  ASSERT_EQ(replies[0].type, Type::kSealed);
}

/// Closes a live session's record, as its supervisor does at the end of the command.
inline void close(Desk& desk, const std::string& session) {
  SessionMaker maker(session);
  begin(desk, maker, session);
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed)).ok());
}

}  // namespace carrel::monitor
