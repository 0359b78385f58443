#include "broker/service/store/catalogue.h"

#include <gtest/gtest.h>

#include <fstream>

#include "broker/service/store/sqlite.h"
#include "broker/service/store/sqlite_catalogue.h"
#include "tests/support/folder.h"

namespace carrel::store {
namespace {

SessionRow example(const std::string& id, uint64_t started) {
  SessionRow row;
  row.session = id;
  row.workspace = "01hzw";
  row.task = "local/demo";
  row.profile = "demo";
  row.profile_version = 3;
  row.profile_sha256 = std::string(64, 'a');
  row.person = "local:1000";
  row.host = "desk";
  row.mode = "root";
  row.command = {"/bin/echo", "", "\xFF\x01 x"};
  row.started_ns = started;
  row.ended_ns = started + 5;
  row.state = SessionState::kClosed;
  row.end_by = "command";
  row.end_code = -3;
  row.events = 7;
  row.denied = 2;
  row.changed = 1;
  row.lost = 4;
  return row;
}

std::unique_ptr<Catalogue> open_at(const std::string& path) {
  auto opened = open_sqlite_catalogue(path);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : to_string(opened.error()));
  return opened.ok() ? std::move(opened.take().catalogue) : nullptr;
}

TEST(Catalogue, KeepsAPersonOverReopening) {
  const support::Folder folder;
  const Person lena{"local:1000", "local", 1000};
  {
    auto catalogue = open_at(folder / "c");
    ASSERT_TRUE(catalogue->register_person(lena).ok());
    ASSERT_TRUE(catalogue->register_person(lena).ok());
    EXPECT_FALSE(catalogue->register_person({"local:1000", "other", 1000}).ok());
    ASSERT_TRUE(catalogue->grant_role("local:1000", "reviewer").ok());
    ASSERT_TRUE(catalogue->grant_role("local:1000", "reviewer").ok());
    EXPECT_FALSE(catalogue->grant_role("nobody", "reviewer").ok());
  }
  auto opened = open_sqlite_catalogue(folder / "c").take();
  EXPECT_FALSE(opened.fresh);
  EXPECT_EQ(opened.catalogue->person("local:1000").take(), lena);
  EXPECT_EQ(opened.catalogue->person("local:1").take(), std::nullopt);
  EXPECT_EQ(opened.catalogue->roles("local:1000").take(), std::vector<std::string>{"reviewer"});
}

TEST(Catalogue, GivesBackARowAsItWasPut) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  SessionRow row = example("01hz1", 100);
  ASSERT_TRUE(catalogue->put_session(row).ok());
  EXPECT_EQ(catalogue->session("01hz1").take(), row);
  EXPECT_EQ(catalogue->session("01hz2").take(), std::nullopt);
  row.state = SessionState::kBroken;
  row.events = 9;
  ASSERT_TRUE(catalogue->put_session(row).ok());
  EXPECT_EQ(catalogue->session("01hz1").take(), row);
}

TEST(Catalogue, ListsTheLatestStartedFirst) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  for (const auto& [id, started] :
       std::vector<std::pair<std::string, uint64_t>>{{"01b", 2}, {"01a", 3}, {"01c", 1}}) {
    ASSERT_TRUE(catalogue->put_session(example(id, started)).ok());
  }
  std::vector<std::string> ids;
  const auto rows = catalogue->sessions().take();
  for (const SessionRow& row : rows)
    ids.push_back(row.session);
  EXPECT_EQ(ids, (std::vector<std::string>{"01a", "01b", "01c"}));
}

TEST(Catalogue, GivesBackATaskAsItWasPut) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  Task task{"local/demo",
            "local:0",
            1,
            2,
            3,
            "local:0",
            "done",
            "demo",
            4,
            std::string(64, 'a'),
            "profile = \"demo\"\n",
            "/srv/\xFF.toml",
            "the text",
            {"local:0", "local:7"},
            {}};
  EXPECT_FALSE(catalogue->put_task(task).ok());  // of nobody known
  EXPECT_EQ(catalogue->task("local/demo").take(), std::nullopt);
  for (const uint32_t uid : {0U, 7U}) {
    ASSERT_TRUE(catalogue->register_person({"local:" + std::to_string(uid), "local", uid}).ok());
  }
  ASSERT_TRUE(catalogue->put_task(task).ok());
  EXPECT_EQ(catalogue->task("local/demo").take(), task);
  task.people = {"local:7"};
  task.until_ns = 0;
  ASSERT_TRUE(catalogue->put_task(task).ok());
  EXPECT_EQ(catalogue->tasks().take(), std::vector<Task>{task});
}

TEST(Catalogue, KeepsOneLivingWorkspaceOfATaskAndPerson) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  Workspace first{"01a", "local/demo", "local:0", 5, 0, 0, 0};
  ASSERT_TRUE(catalogue->put_workspace(first).ok());
  EXPECT_EQ(catalogue->workspace_of("local/demo", "local:0").take(), first);
  EXPECT_EQ(catalogue->workspace_of("local/demo", "local:1").take(), std::nullopt);
  Workspace second{"01b", "local/demo", "local:0", 6, 0, 0, 0};
  EXPECT_FALSE(catalogue->put_workspace(second).ok());
  first.ended_ns = 7;
  ASSERT_TRUE(catalogue->put_workspace(first).ok());
  ASSERT_TRUE(catalogue->put_workspace(second).ok());
  EXPECT_EQ(catalogue->workspace_of("local/demo", "local:0").take(), second);
  EXPECT_EQ(catalogue->workspaces().take(), (std::vector<Workspace>{second, first}));
  EXPECT_EQ(catalogue->workspace("01a").take(), first);
}

TEST(Catalogue, KeepsAnAcceptancePerText) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  const Acceptance one{"local/demo", "local:0", std::string(64, 'a'), 1, 9, "typed", "I agree"};
  ASSERT_TRUE(catalogue->put_acceptance(one).ok());
  EXPECT_EQ(catalogue->acceptance("local/demo", "local:0", one.text_sha256).take(), one);
  EXPECT_EQ(catalogue->acceptance("local/demo", "local:0", std::string(64, 'b')).take(),
            std::nullopt);
  EXPECT_EQ(catalogue->acceptance("local/demo", "local:1", one.text_sha256).take(), std::nullopt);
}

TEST(Catalogue, TakesOneOfTheVersionBeforeTasks) {
  const support::Folder folder;
  {
    auto catalogue = open_at(folder / "c");
    ASSERT_TRUE(catalogue->put_session(example("01hz1", 100)).ok());
  }
  {
    auto old = sqlite::Database::open(folder / "c").take();
    ASSERT_TRUE(old.execute("DROP TABLE task_person; DROP TABLE task; DROP TABLE workspace; "
                            "DROP TABLE acceptance; DROP TABLE task_source; PRAGMA user_version=1")
                    .ok());
  }
  auto opened = open_sqlite_catalogue(folder / "c").take();
  EXPECT_FALSE(opened.fresh);
  EXPECT_EQ(opened.unusable, "");
  EXPECT_TRUE(opened.catalogue->session("01hz1").take().has_value());
  EXPECT_TRUE(opened.catalogue->tasks().take().empty());
}

TEST(Catalogue, TakesOneOfTheVersionThatKeptOneSourceOfATask) {
  const support::Folder folder;
  Task task;
  task.id = "local/mend";
  task.created_by = "local:0";
  task.source = "source";
  {
    auto catalogue = open_at(folder / "c");
    ASSERT_TRUE(catalogue->put_task(task).ok());
  }
  {
    auto old = sqlite::Database::open(folder / "c").take();
    ASSERT_TRUE(old.execute("DROP TABLE task_source; PRAGMA user_version=2").ok());
  }
  auto opened = open_sqlite_catalogue(folder / "c").take();
  EXPECT_FALSE(opened.fresh);
  EXPECT_EQ(opened.unusable, "");
  EXPECT_EQ(opened.catalogue->task("local/mend").take(), task);
}

TEST(Catalogue, KeepsWhatATasksProfileExtendsInItsOrder) {
  const support::Folder folder;
  auto catalogue = open_at(folder / "c");
  Task task;
  task.id = "local/mend";
  task.created_by = "local:0";
  task.source = "source";
  task.extended = {{"base/z", std::string("z\0\xff", 3)}, {"./a.toml", "a"}, {"base/b", ""}};
  ASSERT_TRUE(catalogue->put_task(task).ok());
  EXPECT_EQ(catalogue->task("local/mend").take(), task);
  task.extended.pop_back();
  ASSERT_TRUE(catalogue->put_task(task).ok());
  EXPECT_EQ(catalogue->tasks().take(), std::vector<Task>{task});
}

TEST(Catalogue, PutsAFileThatIsNoDatabaseAside) {
  const support::Folder folder;
  std::ofstream(folder / "c") << std::string(5000, 'x');
  auto opened = open_sqlite_catalogue(folder / "c");
  ASSERT_TRUE(opened.ok()) << to_string(opened.error());
  const OpenedCatalogue got = opened.take();
  EXPECT_TRUE(got.fresh);
  EXPECT_NE(got.unusable, "");
  EXPECT_TRUE(std::filesystem::exists(folder / "c.unusable"));
  EXPECT_TRUE(got.catalogue->sessions().take().empty());
}

TEST(Catalogue, NoticesADamagedPage) {
  const support::Folder folder;
  {
    auto catalogue = open_at(folder / "c");
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(catalogue->put_session(example("01" + std::to_string(1000 + i), 1)).ok());
    }
  }
  {
    std::fstream file(folder / "c", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 8);
    file << std::string(4096, '\x5A');
  }
  const OpenedCatalogue got = open_sqlite_catalogue(folder / "c").take();
  EXPECT_TRUE(got.fresh);
}

TEST(Catalogue, RefusesAFolderItCannotWriteWithoutTouchingIt) {
  const support::Folder folder;
  auto opened = open_sqlite_catalogue(folder / "missing/c");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().sys_errno, EACCES);
}

}  // namespace
}  // namespace carrel::store
