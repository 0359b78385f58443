#pragma once
// One notified call from its numbers to its records and its answer. What is decided is decided from
// the registers, which nobody can change meanwhile; names in memory are only reported, as
// attempted.

#include <linux/seccomp.h>

#include <memory>
#include <string>
#include <vector>

#include "launcher/box/plan/notified_calls.h"
#include "launcher/watch/notify/tasks.h"
#include "launcher/watch/notify/view.h"

namespace carrel::notify {

/// What is to happen with a call, once its records are kept.
struct Judgement {
  std::vector<std::string> records;  // framed, in their order
  int refuse_with = 0;               // 0: let it through
};

class Watcher {
 public:
  /// Looks at a call whose caller waits. Refuses what the contractor's table refuses, with its
  /// errno, and what has arguments that cannot be read. Everything else is let through.
  Judgement look(const seccomp_notif& call);

 private:
  struct Call;
  void open(Call& call);
  void exec(Call& call);
  void one_name(Call& call);
  void two_names(Call& call);
  void enter_descriptor(Call& call);
  void connect(Call& call);
  static void keep_flow(Call& call);
  PathName name(Call& call, uint8_t folder, uint8_t argument);
  PathName resolve(const Call& call, uint8_t folder, const std::string& given) const;
  Seen see(const Call& call, const PathName& path, View::Last last, bool parent);

  Tasks tasks_;
  std::unique_ptr<View> view_;
};

}  // namespace carrel::notify
