#include "launcher/watch/session/process_channels.h"

#include <gtest/gtest.h>

namespace carrel::session {
namespace {

events::Event event_of(uint32_t id, uint32_t pid, uint32_t parent,
                       events::Data data = events::FileEnter{"/"}) {
  events::Event event;
  event.process = events::Process{id, pid, parent, "/bin/x"};
  event.data = std::move(data);
  return event;
}

TEST(ProcessChannels, AProcessBelongsWhereItsCommandDoes) {
  ProcessChannels channels;
  EXPECT_EQ(channels.of(event_of(1, 100, 0)), "");
  channels.add_root(200, "2");
  EXPECT_EQ(channels.of(event_of(5, 200, 1)), "2");
  EXPECT_EQ(channels.of(event_of(5, 200, 1, events::ProcessFork{6, 201})), "2");
  EXPECT_EQ(channels.of(event_of(6, 201, 5)), "2");
  EXPECT_EQ(channels.of(event_of(7, 202, 6)), "2");  // its fork was not seen
  EXPECT_EQ(channels.of(event_of(8, 300, 1)), "");
  EXPECT_EQ(channels.of(events::Event{}), "");
}

TEST(ProcessChannels, AnOrphanStaysAndAPidIsAnothersLater) {
  ProcessChannels channels;
  channels.add_root(200, "2");
  EXPECT_EQ(channels.of(event_of(5, 200, 1, events::ProcessFork{6, 201})), "2");
  EXPECT_EQ(channels.of(event_of(5, 200, 1, events::ProcessExit{})), "2");
  EXPECT_EQ(channels.of(event_of(6, 201, 1)), "2");  // init's child now
  EXPECT_EQ(channels.of(event_of(9, 200, 1)), "");   // the same number, of the first command
  channels.add_root(200, "3");
  EXPECT_EQ(channels.of(event_of(10, 200, 1)), "3");
}

TEST(ProcessChannels, RemembersSoManyAndNoMore) {
  ProcessChannels channels;
  channels.add_root(200, "2");
  for (uint32_t id = 5; id < 5 + ProcessChannels::kMost + 10; ++id)
    EXPECT_EQ(channels.of(event_of(id, id == 5 ? 200 : id, id - 1)),
              id - 5 < ProcessChannels::kMost ? "2" : "");
}

}  // namespace
}  // namespace carrel::session
