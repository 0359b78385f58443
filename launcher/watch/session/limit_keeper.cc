#include "launcher/watch/session/limit_keeper.h"

#include <utility>

namespace carrel::session {
void LimitKeeper::tell(const std::vector<events::Limit>& due, uint64_t now_ns) {
  for (const events::Limit& limit : due) {
    events::Event event;
    event.rule = "limits." + lines_.key_of(limit);
    event.data = limit;
    record_.add(std::move(event));
    if (auto line = lines_.line(limit, now_ns)) say_(std::move(*line));
  }
}

void LimitKeeper::tick(uint64_t now_ns) {
  if (now_ns < looked_ns_ + kLookNs) return;
  looked_ns_ = now_ns;
  tell(watch_.take(files_.read(), now_ns), now_ns);
}

void LimitKeeper::finish(uint64_t now_ns) {
  tell(watch_.finish(files_.read(), now_ns), now_ns);
}

}  // namespace carrel::session
