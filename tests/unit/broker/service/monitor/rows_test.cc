#include "broker/service/monitor/rows.h"

#include <gtest/gtest.h>

#include "broker/wire/protocol/connection.h"

namespace carrel::monitor {
namespace {

store::SessionRow row(const std::string& id) {
  store::SessionRow out;
  out.session = id;
  return out;
}

TEST(FindRow, TakesAFullIdAPrefixOrLast) {
  const std::vector<store::SessionRow> rows{row("01hzx00000000000000000000b"),
                                            row("01hzx00000000000000000000a"),
                                            row("01abc000000000000000000000")};
  EXPECT_EQ(find_row(rows, "last").take().session, rows[0].session);
  EXPECT_EQ(find_row(rows, rows[1].session).take().session, rows[1].session);
  EXPECT_EQ(find_row(rows, "01ab").take().session, rows[2].session);
  EXPECT_NE(find_row(rows, "01hzx").error().what.find("more than one"), std::string::npos);
  for (const char* name : {"01a", "", "01hzy", "../x", "LAST", "01ABC0", "%%%%"})
    EXPECT_FALSE(find_row(rows, name).ok()) << name;
  EXPECT_FALSE(find_row({}, "last").ok());
}

TEST(ToList, KeepsTheLatestRowsThatFitAFrame) {
  std::vector<store::SessionRow> rows(4000, row("01hzx00000000000000000000b"));
  for (auto& each : rows)
    each.command = {std::string(2000, 'x')};
  rows[0].session = "01hzx00000000000000000000c";
  const protocol::ListReply reply = to_list(rows);
  EXPECT_LE(reply.ByteSizeLong(), protocol::kMaxBody);
  EXPECT_GT(reply.rows_size(), 900);
  EXPECT_EQ(reply.rows(0).session(), rows[0].session);
}

TEST(ToMessage, LeavesArgumentsOutThatAreTooLong) {
  store::SessionRow long_one = row("x");
  long_one.command = {"cc", std::string(70'000, 'x'), "last"};
  EXPECT_EQ(to_message(long_one).command_size(), 1);
}

}  // namespace
}  // namespace carrel::monitor
