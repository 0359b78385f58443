// Credentials that are issued on request: shown as the profile has them, issued while they are
// granted, to no session that nobody granted them to.

#include <gtest/gtest.h>

#include "broker/service/people/standalone.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uint64_t kS = 1'000'000'000;

struct CredentialDesk : Desk {
  CredentialDesk() {
    EXPECT_TRUE(people::register_owner(*catalogue, kUid).ok());
    session = live("source asked");
  }
  static protocol::GrantRequest of(const std::string& name, const std::string& id = "1") {
    protocol::GrantRequest request;
    request.set_id(id);
    request.set_credential(name);
    request.set_kind(name == "secret" ? "header" : "jwt");
    if (name == "secret") {
      request.set_from("secret:ci");
      request.add_used_by("a.example");
    } else {
      request.set_audience("r.example");
    }
    request.set_reason("a test");
    return request;
  }
  bool takes(protocol::GrantRequest request, uint64_t for_s = 3600) {
    request.set_until_ns(now_ns + for_s * kS);
    return monitor
        .take_from_session(session, message(Type::kGrantRequest, request.SerializeAsString()))
        .ok();
  }
  protocol::ApprovalRow row() {
    protocol::ApprovalsReply body;
    body.ParseFromString(monitor.answer_client(kUid, message(Type::kApprovalsRequest, "")).body);
    return body.rows_size() == 1 ? body.rows(0) : protocol::ApprovalRow();
  }
  /// Approves what is open, for so many seconds from now.
  void approve(uint64_t for_s) {
    protocol::DecideRequest request;
    request.set_session(session);
    request.set_id(row().request().id());
    request.set_approve(true);
    request.set_until_ns(now_ns + for_s * kS);
    request.set_text_sha256(row().text_sha256());
    const Reply reply =
        monitor.answer_client(kUid, message(Type::kDecideRequest, request.SerializeAsString()));
    EXPECT_EQ(reply.type, Type::kDecideReply);
    EXPECT_EQ(monitor.take_told().size(), 1U);
  }
  Result<std::vector<Reply>> mint(const std::string& name, bool renewal = false) {
    protocol::MintCredential body;
    body.set_name(name);
    body.set_renewal(renewal);
    return monitor.take_from_session(session,
                                     message(Type::kMintCredential, body.SerializeAsString()));
  }
  static protocol::Minted minted(const Reply& reply) {
    protocol::Minted body;
    EXPECT_EQ(reply.type, Type::kMinted);
    body.ParseFromString(reply.body);
    return body;
  }
  protocol::Minted minted(const std::string& name, bool renewal = false) {
    const auto replies = mint(name, renewal);
    EXPECT_TRUE(replies.ok() && replies.value().size() == 1);
    return replies.ok() && !replies.value().empty() ? minted(replies.value()[0])
                                                    : protocol::Minted();
  }
  std::string session;
};

TEST(CredentialGrants, AreShownAsTheProfileHasThem) {
  CredentialDesk desk;
  ASSERT_TRUE(desk.takes(CredentialDesk::of("secret")));
  EXPECT_NE(desk.row().text().find(
                "credential: secret\nkind: header (the gateway puts it into requests; it is never "
                "inside)\nfrom: secret:ci\nused by: a.example\nreason: a test\n"),
            std::string::npos)
      << desk.row().text();
}

TEST(CredentialGrants, AreTakenOfNothingElse) {
  const auto refused = [](protocol::GrantRequest request) {
    CredentialDesk desk;
    return !desk.takes(std::move(request));
  };
  EXPECT_FALSE(refused(CredentialDesk::of("registry")));
  EXPECT_TRUE(refused(CredentialDesk::of("other")));
  auto request = CredentialDesk::of("secret");
  request.set_from("secret:other");
  EXPECT_TRUE(refused(request)) << "where it comes from is shown";
  request = CredentialDesk::of("secret");
  request.clear_used_by();
  EXPECT_TRUE(refused(request)) << "who uses it is shown";
  request = CredentialDesk::of("secret");
  request.set_kind("x509");
  EXPECT_TRUE(refused(request));
  request = CredentialDesk::of("registry");
  request.set_audience("elsewhere");
  EXPECT_TRUE(refused(request));
  request = CredentialDesk::of("secret");
  request.set_host("a.example");
  EXPECT_TRUE(refused(request)) << "of both";
  CredentialDesk started;
  started.session = started.live();  // whose profile issues it at the start
  EXPECT_FALSE(started.takes(CredentialDesk::of("registry")));
}

TEST(CredentialGrants, NothingIsIssuedThatNobodyGranted) {
  CredentialDesk unasked;
  EXPECT_FALSE(unasked.mint("registry").ok());
  CredentialDesk asked;
  ASSERT_TRUE(asked.takes(CredentialDesk::of("registry")));
  EXPECT_FALSE(asked.mint("registry").ok()) << "asking alone grants nothing";
  CredentialDesk other;
  ASSERT_TRUE(other.takes(CredentialDesk::of("registry")));
  other.approve(60);
  EXPECT_FALSE(other.mint("secret").ok()) << "another one was granted";
}

TEST(CredentialGrants, LeasesLastNoLongerThanTheGrant) {
  CredentialDesk desk;
  ASSERT_TRUE(desk.takes(CredentialDesk::of("registry")));
  desk.approve(150);
  const auto first = desk.minted("registry");
  EXPECT_EQ(first.error(), "");
  EXPECT_EQ(first.not_after() - first.issued(), 120U) << "its ttl";
  desk.now_ns += 60 * kS;
  const auto second = desk.minted("registry", true);
  EXPECT_EQ(second.not_after() - second.issued(), 90U) << "what is left of the grant";
  desk.now_ns += 90 * kS;
  const auto over = desk.minted("registry", true);
  EXPECT_EQ(over.token(), "");
  EXPECT_EQ(over.error(), "credential registry: what was granted of it is over");
  EXPECT_TRUE(over.renewal());
  // And anew, as if for the first time.
  ASSERT_TRUE(desk.takes(CredentialDesk::of("registry", "2")));
  desk.approve(60);
  EXPECT_NE(desk.minted("registry").token(), "");
}

TEST(CredentialGrants, ASecretThatComesTooLateIsGivenToNobody) {
  CredentialDesk desk;
  ASSERT_TRUE(desk.takes(CredentialDesk::of("secret")));
  desk.approve(60);
  ASSERT_TRUE(desk.mint("secret").ok());
  const auto first = desk.monitor.take_asked();
  ASSERT_EQ(first.size(), 1U);
  desk.now_ns += 60 * kS;
  desk.monitor.take_secret(first[0].id(), Secret("hunter2-a"));
  auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(CredentialDesk::minted(told[0].message).secret(), "");
  EXPECT_NE(CredentialDesk::minted(told[0].message).error(), "");
  // Of a grant that another has taken the place of.
  ASSERT_TRUE(desk.takes(CredentialDesk::of("secret", "2")));
  desk.approve(60);
  ASSERT_TRUE(desk.mint("secret").ok());
  const auto second = desk.monitor.take_asked();
  ASSERT_TRUE(desk.takes(CredentialDesk::of("secret", "3")));
  desk.approve(60);
  desk.monitor.take_secret(second.at(0).id(), Secret("hunter2-a"));
  told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(CredentialDesk::minted(told[0].message).secret(), "");
  ASSERT_TRUE(desk.mint("secret").ok()) << "at once";
  const auto third = desk.monitor.take_asked();
  desk.monitor.take_secret(third.at(0).id(), Secret("hunter2-a"));
  told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(CredentialDesk::minted(told[0].message).secret(), "hunter2-a");
}

}  // namespace
}  // namespace carrel::monitor
