// Tasks: created, opened by name, ended; agreements.

#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/service/monitor/workspaces.h"
#include "broker/service/people/standalone.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uid_t kOwner = 0;
constexpr uint64_t kHour = 3600ULL * 1'000'000'000;

/// A desk whose state folder belongs to root.
struct Office : Desk {
  Office() { EXPECT_TRUE(people::register_owner(*catalogue, kOwner).ok()); }

  template <typename Proto>
  Reply ask(Type type, const Proto& request, uid_t uid) {
    return monitor.answer_client(uid, message(type, request.SerializeAsString()));
  }

  protocol::TaskCreateRequest task(const std::string& source = "source mend") const {
    protocol::TaskCreateRequest request;
    request.set_name("mend");
    request.set_profile_source(source);
    request.set_profile_path("/srv/mend.toml");
    request.set_canonical("canonical");
    request.add_people("local:1000");
    return request;
  }

  Reply create(const protocol::TaskCreateRequest& request, uid_t uid = kOwner) {
    return ask(Type::kTaskCreateRequest, request, uid);
  }

  protocol::OpenRequest by_name(const std::string& source = "source mend") const {
    auto request = open_request();
    request.set_task("mend");
    request.set_profile_source(source);
    request.set_profile_path("/srv/mend.toml");
    return request;
  }

  Reply end(bool now = false, uid_t uid = kOwner, const std::string& name = "mend") {
    protocol::TaskEndRequest request;
    request.set_name(name);
    request.set_reason("done");
    request.set_now(now);
    return ask(Type::kTaskEndRequest, request, uid);
  }

  static protocol::TaskEndReply ended(const Reply& reply) {
    protocol::TaskEndReply body;
    EXPECT_EQ(reply.type, Type::kTaskEndReply);
    body.ParseFromString(reply.body);
    return body;
  }

  std::vector<std::string> names(uid_t uid) {
    protocol::TasksReply body;
    const Reply reply = ask(Type::kTasksRequest, protocol::TasksRequest(), uid);
    EXPECT_TRUE(body.ParseFromString(reply.body));
    std::vector<std::string> names;
    for (const auto& row : body.rows())
      names.push_back(row.task());
    return names;
  }

  /// A session of the task that lives.
  std::string work() {
    protocol::OpenReply body;
    EXPECT_TRUE(body.ParseFromString(ask_open(by_name()).body));
    EXPECT_EQ(confirm(body.ticket()).type, Type::kSessionSpec);
    EXPECT_EQ(start(body.session()).reply.type, Type::kAck);
    return body.session();
  }

  Reply confirm_end(const std::string& ticket, uid_t uid = kOwner) {
    protocol::ConfirmEnd request;
    request.set_ticket(ticket);
    request.set_peer_uid(uid);
    return monitor.answer_launcher(message(Type::kConfirmEnd, request.SerializeAsString())).reply;
  }
};

std::string sha256(const std::string& text) {
  return to_hex(evidence::as_view(evidence::sha256(text)));
}

TEST(Task, IsCreatedAndOpenedByName) {
  Office office;
  auto request = office.task();
  request.set_until_ns(office.now_ns + kHour);
  const Reply reply = office.create(request);
  ASSERT_EQ(reply.type, Type::kTaskReply) << Desk::failure_of(reply).text();
  protocol::TaskReply made;
  ASSERT_TRUE(made.ParseFromString(reply.body));
  EXPECT_EQ(made.row().task(), "local/mend");
  EXPECT_EQ(made.row().created_by(), "local:0");
  EXPECT_EQ(made.row().people(0), "local:1000");
  EXPECT_EQ(made.row().profile_sha256(), sha256("canonical"));
  protocol::TaskProfileRequest profile;
  profile.set_name("mend");
  protocol::TaskProfileReply kept;
  ASSERT_TRUE(kept.ParseFromString(office.ask(Type::kTaskProfileRequest, profile, kUid).body));
  EXPECT_EQ(kept.source(), "source mend");
  EXPECT_EQ(kept.path(), "/srv/mend.toml");
  const Reply opened = office.ask_open(office.by_name());
  ASSERT_EQ(opened.type, Type::kOpenReply) << Desk::failure_of(opened).text();
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(opened.body));
  EXPECT_EQ(body.task(), "local/mend");
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(office.confirm(body.ticket()).body));
  EXPECT_EQ(spec.task(), "local/mend");
  EXPECT_EQ(spec.task_until_ns(), office.now_ns + kHour);
}

TEST(Task, IsOpenedOnlyByThoseItIsGivenToInItsTimeAndWithItsProfile) {
  Office office;
  auto request = office.task();
  request.set_until_ns(office.now_ns + kHour);
  ASSERT_EQ(office.create(request).type, Type::kTaskReply);
  const auto refused = [&](const protocol::OpenRequest& open, uid_t uid) {
    const auto failure = Desk::failure_of(office.ask_open(open, uid));
    EXPECT_EQ(failure.code(), 121U) << failure.text();
    return failure.text();
  };
  EXPECT_EQ(refused(office.by_name(), 2000),
            "task local/mend is not given to local:2000: ask local:0");
  EXPECT_EQ(refused(office.by_name(), kOwner),
            "task local/mend is not given to local:0: ask local:0");
  EXPECT_EQ(refused(office.by_name("source other"), kUid),
            "task local/mend has a profile of its own: carrel open mend");
  auto by_profile = Desk::open_request();  // whose name is the task's
  by_profile.set_profile_source("source mend");
  EXPECT_EQ(office.ask_open(by_profile).type, Type::kOpenReply);
  EXPECT_NE(refused(by_profile, 2000).find("not given"), std::string::npos);
  auto absent = office.by_name();
  absent.set_task("absent");
  EXPECT_NE(refused(absent, kUid).find("no such task"), std::string::npos);
  absent.set_task("../x");
  EXPECT_NE(refused(absent, kUid).find("names no task"), std::string::npos);
  office.opened();
  absent.set_task("demo");
  EXPECT_NE(refused(absent, kUid).find("has no profile of its own"), std::string::npos);
  office.now_ns += kHour;
  EXPECT_EQ(refused(office.by_name(), kUid),
            "task local/mend was given until 2023-11-14T23:13:20Z: ask local:0");
}

TEST(Task, KeepsAndWantsWhatItsProfileExtends) {
  Office office;
  auto request = office.task();
  const auto add = [](auto& to, const std::string& name, const std::string& source) {
    protocol::ExtendedSource* extended = to.add_extended();
    extended->set_name(name);
    extended->set_source(source);
  };
  add(request, "base/contractor", "one");
  add(request, "./common.toml", "two");
  ASSERT_EQ(office.create(request).type, Type::kTaskReply);
  protocol::TaskProfileRequest profile;
  profile.set_name("mend");
  protocol::TaskProfileReply kept;
  ASSERT_TRUE(kept.ParseFromString(office.ask(Type::kTaskProfileRequest, profile, kUid).body));
  ASSERT_EQ(kept.extended_size(), 2);
  EXPECT_EQ(kept.extended(0).name(), "base/contractor");
  EXPECT_EQ(kept.extended(1).source(), "two");
  auto open = office.by_name();
  *open.mutable_extended() = kept.extended();
  EXPECT_EQ(office.ask_open(open).type, Type::kOpenReply);
  const auto refused = [&] { return Desk::failure_of(office.ask_open(open)).text(); };
  open.mutable_extended(1)->set_source("three");
  EXPECT_NE(refused().find("has a profile of its own"), std::string::npos);
  open.mutable_extended(1)->set_source("two");
  open.mutable_extended(0)->set_name("base/other");
  EXPECT_NE(refused().find("has a profile of its own"), std::string::npos);
  open.mutable_extended()->RemoveLast();
  EXPECT_NE(refused().find("has a profile of its own"), std::string::npos);
}

TEST(Task, IsCreatedOnlyByAnAdminAndOnlyAsItShouldBe) {
  Office office;
  ASSERT_TRUE(people::register_local(*office.catalogue, kUid).ok());
  const auto by_other = Desk::failure_of(office.create(office.task(), kUid));
  EXPECT_EQ(by_other.code(), 2U);
  EXPECT_EQ(by_other.text(), "no role allows you to create a task");
  EXPECT_EQ(Desk::failure_of(office.create(office.task(), 4000)).code(), 2U);
  const auto refused = [&](auto spoil) {
    auto request = office.task();
    spoil(request);
    const auto failure = Desk::failure_of(office.create(request));
    EXPECT_EQ(failure.code(), 1U) << failure.text();
    return failure.text();
  };
  EXPECT_NE(refused([](auto& r) { r.set_name("Mend It"); }).find("names no task"),
            std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.clear_people(); }).find("--person"), std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.add_people("lena"); }).find("no person"), std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.add_people("local:01"); }).find("no person"),
            std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.set_until_ns(5); }).find("over already"), std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.set_profile_path("mend.toml"); }).find("absolute"),
            std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.set_canonical("other"); }).find("not what"), std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.set_agreement_text("x"); }).find("no agreement"),
            std::string::npos);
  EXPECT_NE(refused([](auto& r) { r.set_profile_source("source agreed"); }).find("no text"),
            std::string::npos);
  EXPECT_NE(refused([](auto& r) {
              for (int i = 0; i < 70; ++i)
                r.add_people("local:" + std::to_string(i));
            }).find("64"),
            std::string::npos);
  ASSERT_EQ(office.create(office.task()).type, Type::kTaskReply);
  EXPECT_NE(refused([](auto&) {}).find("is there already"), std::string::npos);
  office.opened();
  EXPECT_NE(refused([](auto& r) { r.set_name("demo"); }).find("end it first"), std::string::npos);
}

TEST(Task, IsShownToThoseItIsGivenToAndToAdmins) {
  Office office;
  ASSERT_EQ(office.create(office.task()).type, Type::kTaskReply);
  office.opened("source own", 2000);
  EXPECT_EQ(office.names(kOwner), (std::vector<std::string>{"local/mend", "local/own"}));
  EXPECT_EQ(office.names(kUid), std::vector<std::string>{"local/mend"});
  EXPECT_EQ(office.names(2000), std::vector<std::string>{"local/own"});
  EXPECT_TRUE(office.names(5000).empty());
  protocol::TaskProfileRequest profile;
  profile.set_name("mend");
  EXPECT_EQ(Desk::failure_of(office.ask(Type::kTaskProfileRequest, profile, 2000)).code(), 2U);
}

TEST(TaskEnd, ClosesItsSessionsAndKeepsItsWorkspaces) {
  Office office;
  ASSERT_EQ(office.create(office.task("source brief")).type, Type::kTaskReply);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(office.ask_open(office.by_name("source brief")).body));
  ASSERT_EQ(office.confirm(body.ticket()).type, Type::kSessionSpec);
  ASSERT_EQ(office.start(body.session()).reply.type, Type::kAck);
  const std::string other = office.live("source else", 2000);
  EXPECT_EQ(Desk::failure_of(office.end(false, kUid)).code(), 2U);
  const auto reply = Office::ended(office.end());
  ASSERT_EQ(reply.sessions_size(), 1);
  EXPECT_EQ(reply.sessions(0), body.session());
  EXPECT_EQ(reply.tickets_size(), 0);
  const auto told = office.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, body.session());
  protocol::SessionOrder order;
  ASSERT_TRUE(order.ParseFromString(told[0].message.body));
  EXPECT_EQ(order.order(), "close");
  EXPECT_EQ(order.reason(), "task ended: done");
  const store::Workspace workspace = *office.catalogue->workspace(body.workspace()).take();
  EXPECT_EQ(workspace.ended_ns, office.now_ns);
  EXPECT_EQ(workspace.erase_ns, office.now_ns + 60ULL * 1'000'000'000);
  EXPECT_NE(Desk::failure_of(office.ask_open(office.by_name("source brief")))
                .text()
                .find("was ended by local:0 at 2023-11-14T22:13:20Z: done"),
            std::string::npos);
  EXPECT_EQ(Desk::failure_of(office.end()).code(), 1U);  // ended already
}

TEST(TaskEnd, LeavesNoWayForATicketThatIsOut) {
  Office office;
  ASSERT_EQ(office.create(office.task()).type, Type::kTaskReply);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(office.ask_open(office.by_name()).body));
  ASSERT_EQ(office.confirm(body.ticket()).type, Type::kSessionSpec);
  Office::ended(office.end());
  EXPECT_EQ(Desk::failure_of(office.start(body.session()).reply).code(), 123U);
  EXPECT_EQ(office.monitor.live_sessions(), 0U);
}

TEST(TaskEnd, GivesTicketsToEraseWhereNothingRuns) {
  Office office;
  ASSERT_EQ(office.create(office.task()).type, Type::kTaskReply);
  const std::string session = office.work();
  EXPECT_EQ(Office::ended(office.end(true)).tickets_size(), 0);  // it runs still
  close(office, session);
  office.monitor.end_session(session, "closed");
  const auto reply = Office::ended(office.end(true));
  ASSERT_EQ(reply.tickets_size(), 1);
  const std::string workspace = reply.tickets(0).workspace();
  EXPECT_EQ(Desk::failure_of(office.confirm_end(reply.tickets(0).ticket(), kUid)).code(), 2U);
  const auto again = Office::ended(office.end(true));
  const Reply granted = office.confirm_end(again.tickets(0).ticket());
  protocol::EndGranted body;
  ASSERT_TRUE(body.ParseFromString(granted.body));
  EXPECT_EQ(body.workspace(), workspace);
  EXPECT_EQ(Desk::failure_of(office.confirm_end(again.tickets(0).ticket())).code(), 2U);
  protocol::WorkspaceErased erased;
  erased.set_workspace(workspace);
  erased.set_how("key erased");
  EXPECT_EQ(office.monitor
                .answer_launcher(Desk::message(Type::kWorkspaceErased, erased.SerializeAsString()))
                .reply.type,
            Type::kAck);
  EXPECT_EQ(office.catalogue->workspace(workspace).take()->erased_ns, office.now_ns);
  EXPECT_EQ(Office::ended(office.end(true)).tickets_size(), 0);
}

TEST(TaskEnd, ATicketForAnOpeningErasesNothing) {
  Office office;
  ASSERT_EQ(office.create(office.task()).type, Type::kTaskReply);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(office.ask_open(office.by_name()).body));
  EXPECT_EQ(Desk::failure_of(office.confirm_end(body.ticket(), kUid)).code(), 2U);
  Office::ended(office.end(true));
  const auto reply = Office::ended(office.end(true));
  ASSERT_EQ(reply.tickets_size(), 1);
  EXPECT_EQ(Desk::failure_of(office.confirm(reply.tickets(0).ticket(), kOwner)).code(), 121U);
}

TEST(TaskEnd, SaysWhichWorkspacesAreDue) {
  Office office;
  ASSERT_EQ(office.create(office.task("source brief")).type, Type::kTaskReply);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(office.ask_open(office.by_name("source brief")).body));
  Office::ended(office.end());
  const auto due = [&] {
    protocol::DueReply reply;
    reply.ParseFromString(
        office.monitor.answer_launcher(Desk::message(Type::kDueRequest, "")).reply.body);
    return reply;
  };
  EXPECT_EQ(due().workspaces_size(), 0);
  office.now_ns += 60ULL * 1'000'000'000;
  ASSERT_EQ(due().workspaces_size(), 1);
  EXPECT_EQ(due().workspaces(0), body.workspace());
}

TEST(TaskEnd, KeepsTheWorkAsLongAsTheProfileSaysThatItWasOpenedWithLast) {
  Office office;  // tasks that nobody created
  const std::string brief = office.opened("source brief").workspace();
  const std::string usual = office.opened("source").workspace();
  const auto erase_ns = [&](const std::string& workspace) {
    return office.catalogue->workspace(workspace).take()->erase_ns;
  };
  EXPECT_EQ(erase_ns(brief), 60ULL * 1'000'000'000);
  EXPECT_EQ(erase_ns(usual), 0U);
  ASSERT_TRUE(keep_after_end(*office.catalogue, brief, 70).ok());
  EXPECT_EQ(office.opened("source brief").workspace(), brief);
  EXPECT_EQ(erase_ns(brief), 60ULL * 1'000'000'000);
  Office::ended(office.end(false, kUid, "brief"));
  Office::ended(office.end(false, kUid, "demo"));
  EXPECT_EQ(erase_ns(brief), office.now_ns + 60ULL * 1'000'000'000);
  EXPECT_EQ(erase_ns(usual), office.now_ns + kWorkspaceKeptS * 1'000'000'000);
  ASSERT_TRUE(keep_after_end(*office.catalogue, brief, 70).ok());  // it has ended
  EXPECT_EQ(erase_ns(brief), office.now_ns + 60ULL * 1'000'000'000);
}

TEST(TaskEnd, OfAProfilesTaskIsForWhoeverIsAloneAtIt) {
  Office office;
  office.opened();
  EXPECT_EQ(Office::ended(office.end(false, kUid, "demo")).row().ended_by(), "local:1000");
  // Opened again it goes on, at a workspace of its own.
  const auto again = office.opened();
  EXPECT_EQ(office.catalogue->task("local/demo").take()->ended_ns, 0U);
  EXPECT_EQ(office.catalogue->workspaces().take().size(), 2U);
  office.opened("source", 2000);
  EXPECT_EQ(Desk::failure_of(office.end(false, kUid, "demo")).code(), 2U);
  EXPECT_EQ(Office::ended(office.end(false, kOwner, "local/demo")).row().ended_by(), "local:0");
}

// ---- agreements --------------------------------------------------------------------------------

protocol::OpenRequest agreed(const std::string& text) {
  auto request = Desk::open_request();
  request.set_profile_source("source agreed");
  request.set_agreement_text(text);
  return request;
}

TEST(Agreement, IsAskedForUntilItsTextIsAccepted) {
  Desk desk;
  const Reply asked = desk.ask_open(agreed("the text"));
  ASSERT_EQ(asked.type, Type::kAgreementNeeded);
  protocol::AgreementNeeded needed;
  ASSERT_TRUE(needed.ParseFromString(asked.body));
  EXPECT_EQ(needed.task(), "local/agreed");
  EXPECT_EQ(needed.file(), "nda.md");
  EXPECT_EQ(needed.version(), 2U);
  EXPECT_EQ(needed.text_sha256(), sha256("the text"));
  EXPECT_TRUE(desk.catalogue->workspaces().take().empty());  // nothing was opened
  auto request = agreed("the text");
  request.set_accept_sha256(needed.text_sha256());
  request.set_accept_how("typed");
  request.set_accept_answer("I agree");
  const Reply opened = desk.ask_open(request);
  ASSERT_EQ(opened.type, Type::kOpenReply);
  protocol::OpenReply body;
  ASSERT_TRUE(body.ParseFromString(opened.body));
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(desk.confirm(body.ticket()).body));
  EXPECT_EQ(spec.agreement().file(), "nda.md");
  EXPECT_EQ(to_hex(spec.agreement().text_sha256()), sha256("the text"));
  EXPECT_EQ(spec.agreement().accepted_ns(), desk.now_ns);
  EXPECT_EQ(spec.agreement().answer(), "I agree");
  // Known from then on, with the time at which it was accepted; another text is another question.
  desk.now_ns += kHour;
  const Reply later = desk.ask_open(agreed("the text"));
  ASSERT_EQ(later.type, Type::kOpenReply);
  ASSERT_TRUE(body.ParseFromString(later.body));
  ASSERT_TRUE(spec.ParseFromString(desk.confirm(body.ticket()).body));
  EXPECT_EQ(spec.agreement().accepted_ns(), desk.now_ns - kHour);
  EXPECT_EQ(desk.ask_open(agreed("the text, changed")).type, Type::kAgreementNeeded);
  EXPECT_EQ(desk.ask_open(agreed("the text"), 2000).type, Type::kAgreementNeeded);
}

TEST(Agreement, IsNotAcceptedByWhatIsNoneOfIt) {
  Desk desk;
  const auto refused = [&](auto spoil) {
    auto request = agreed("the text");
    request.set_accept_sha256(sha256("the text"));
    request.set_accept_how("flag");
    spoil(request);
    const Reply reply = desk.ask_open(request);
    EXPECT_EQ(Desk::failure_of(reply).code(), 121U);
  };
  refused([](auto& r) { r.set_accept_sha256(sha256("another")); });
  refused([](auto& r) { r.set_accept_sha256("x"); });
  refused([](auto& r) { r.set_accept_how("whim"); });
  refused([](auto& r) { r.set_accept_answer(std::string(300, 'x')); });
  refused([](auto& r) { r.clear_agreement_text(); });
  refused([](auto& r) { r.set_agreement_text(std::string((256 << 10) + 1, 'x')); });
  auto request = agreed("the text");
  request.set_accept_sha256(sha256("the text"));
  request.set_accept_how("flag");
  EXPECT_EQ(desk.ask_open(request).type, Type::kOpenReply);
}

TEST(Agreement, OfATaskIsTheOneThatItKeeps) {
  Office office;
  auto request = office.task("source agreed");
  request.set_agreement_text("the text");
  ASSERT_EQ(office.create(request).type, Type::kTaskReply);
  auto open = office.by_name("source agreed");
  open.set_agreement_text("another, kinder text");
  open.set_accept_sha256(sha256("another, kinder text"));
  open.set_accept_how("flag");
  EXPECT_EQ(Desk::failure_of(office.ask_open(open)).code(), 121U);
  open.set_agreement_text("the text");
  open.set_accept_sha256(sha256("the text"));
  EXPECT_EQ(office.ask_open(open).type, Type::kOpenReply);
}

}  // namespace
}  // namespace carrel::monitor
