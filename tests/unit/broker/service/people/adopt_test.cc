#include "broker/service/people/adopt.h"

#include <gtest/gtest.h>

#include "broker/service/store/sqlite_catalogue.h"
#include "tests/support/folder.h"

namespace carrel::people {
namespace {

store::SessionRow row(const std::string& session, const std::string& workspace, uint64_t started) {
  store::SessionRow row;
  row.session = session;
  row.workspace = workspace;
  row.task = "local/demo";
  row.profile = "demo";
  row.profile_version = started;
  row.person = "local:1000";
  row.started_ns = started;
  row.state = store::SessionState::kClosed;
  return row;
}

struct Rebuilt {
  support::Folder folder;
  std::unique_ptr<store::Catalogue> catalogue =
      store::open_sqlite_catalogue(folder / "c").take().catalogue;

  void put(const store::SessionRow& row) { ASSERT_TRUE(catalogue->put_session(row).ok()); }
};

TEST(Adopt, FindsTasksAndWorkspacesInSessions) {
  Rebuilt rebuilt;
  rebuilt.put(row("01a", "01w", 10));
  rebuilt.put(row("01b", "01w", 20));
  EXPECT_EQ(adopt_work(*rebuilt.catalogue).take(), 1U);
  EXPECT_EQ(adopt_work(*rebuilt.catalogue).take(), 0U);
  EXPECT_EQ(rebuilt.catalogue->workspace_of("local/demo", "local:1000").take(),
            (store::Workspace{"01w", "local/demo", "local:1000", 10, 0, 0, 0}));
  const store::Task task = *rebuilt.catalogue->task("local/demo").take();
  EXPECT_EQ(task.created_by, "local:1000");
  EXPECT_EQ(task.created_ns, 10U);
  EXPECT_EQ(task.profile_version, 20U);
  EXPECT_EQ(task.people, std::vector<std::string>{"local:1000"});
  EXPECT_EQ(rebuilt.catalogue->person("local:1000").take()->uid, 1000U);
}

TEST(Adopt, LetsOnlyTheLatestWorkspaceOfAPersonGoOn) {
  Rebuilt rebuilt;
  rebuilt.put(row("01a", "01w", 10));
  rebuilt.put(row("01c", "01y", 30));
  rebuilt.put(row("01b", "01x", 20));
  auto other = row("01d", "01z", 5);
  other.person = "local:7";
  rebuilt.put(other);
  EXPECT_EQ(adopt_work(*rebuilt.catalogue).take(), 4U);
  EXPECT_EQ(rebuilt.catalogue->workspace_of("local/demo", "local:1000").take()->id, "01y");
  EXPECT_EQ(rebuilt.catalogue->workspace_of("local/demo", "local:7").take()->id, "01z");
  EXPECT_EQ(rebuilt.catalogue->workspace("01w").take()->ended_ns, 10U);
  EXPECT_EQ(rebuilt.catalogue->workspace("01x").take()->ended_ns, 20U);
}

TEST(Adopt, LeavesWhatIsKnownAsItIs) {
  Rebuilt rebuilt;
  rebuilt.put(row("01a", "01w", 10));
  ASSERT_TRUE(adopt_work(*rebuilt.catalogue).ok());
  rebuilt.put(row("01b", "01x", 20));
  EXPECT_EQ(adopt_work(*rebuilt.catalogue).take(), 1U);
  EXPECT_EQ(rebuilt.catalogue->workspace_of("local/demo", "local:1000").take()->id, "01w");
  EXPECT_NE(rebuilt.catalogue->workspace("01x").take()->ended_ns, 0U);
}

TEST(Adopt, PassesOverSessionsOfNobody) {
  Rebuilt rebuilt;
  auto nobody = row("01a", "01w", 10);
  nobody.person = "";
  rebuilt.put(nobody);
  auto elsewhere = row("01b", "01x", 10);
  elsewhere.person = "local:01000";
  rebuilt.put(elsewhere);
  EXPECT_EQ(adopt_work(*rebuilt.catalogue).take(), 0U);
  EXPECT_TRUE(rebuilt.catalogue->tasks().take().empty());
}

}  // namespace
}  // namespace carrel::people
