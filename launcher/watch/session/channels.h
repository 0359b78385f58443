#pragma once
// Further commands at a session: each has a client, a terminal or pipes, and a number under which
// what it shows is recorded. All of them belong to the session's person.

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/client_port.h"
#include "launcher/watch/session/ending.h"
#include "launcher/watch/session/init_port.h"
#include "launcher/watch/session/output_relay.h"
#include "launcher/watch/session/record_link.h"

namespace carrel::session {

class Channels {
 public:
  /// What the sensor has produced up to now, and what of that has been taken from it.
  struct Sensed {
    uint64_t produced = 0;
    uint64_t taken = 0;
  };
  /// References outlive this. Each client is told `notice` first and `started` with its number when
  /// its command runs. An end waits for what the sensor has seen before it: the client is told.
  Channels(protocol::Started started, std::string notice, InitPort& init, RecordLink& record,
           const Clock& clock, std::function<Sensed()> sensed);
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;
  ~Channels();

  /// A further command as somebody wants it. `number`: for carrel-init, each given once.
  struct Wanted {
    int32_t number = 0;
    std::string name;                // in the record
    std::vector<std::string> words;  // none: a shell
    bool tty = false;
    uint32_t columns = 0, rows = 0;
    std::string term, lang;
    bool noticed = false;  // its person was shown the notice already
  };
  /// Has carrel-init start it. What cannot be is told to the client.
  void attach(const Wanted& wanted, protocol::Connection stream);
  /// A refusal in words: the client gets no command. `again`: who asks the broker once more may be
  /// given a session.
  void refuse(protocol::Connection stream, const Ending& why, bool again = false);
  /// What carrel-init says of a channel; a number that is none is ignored.
  void take(const init::Record& record, UniqueFd fd);
  /// The name under which events of a channel are recorded; "" for a number that is none.
  [[nodiscard]] std::string name_of(int32_t number);

  /// Moves what can be moved without waiting. True: a person has typed something.
  bool serve();
  /// What to wait for before the next serve().
  [[nodiscard]] std::vector<pollfd> waits() const;
  /// A line of carrel's own for everybody.
  void tell(protocol::Type type, std::string_view line);
  /// One for the person at this channel. False: nobody is there any more.
  bool tell(const std::string& channel, protocol::Type type, std::string_view line);
  /// All are to end, for this reason: SIGHUP, and what is left after ten seconds is killed.
  void hang_up(const Ending& why);
  /// The same for everybody at commands whose name begins so.
  bool tell_all(std::string_view prefix, protocol::Type type, std::string_view line);
  /// While the workspace stands still nobody can hear a signal, and no time to do so runs.
  void stand_still(bool still) { still_ = still; }

  /// Commands that run or whose output is not all recorded.
  [[nodiscard]] size_t running() const;
  /// Of these, those whose name begins so.
  [[nodiscard]] size_t running(std::string_view prefix) const;
  /// Nothing of the workspace runs any more: all output to the record, the ending to the clients.
  void finish(const Ending& ending);
  /// Nobody has anything left to read.
  [[nodiscard]] bool flushed();

 private:
  struct One;
  One* find(int32_t number);
  Status make_pipes(One& one, std::vector<UniqueFd>& theirs);
  void begin(One& one);
  void resize(One& one, uint32_t columns, uint32_t rows);
  bool serve_client(One& one);
  void serve_output(One& one, int chunks);
  void end_lost(One& one);
  void serve_end(One& one);
  void end(One& one, const Ending& ending);
  void drop_finished();

  protocol::Started started_;
  std::string notice_;
  InitPort& init_;
  RecordLink& record_;
  const Clock& clock_;
  std::function<Sensed()> sensed_;
  std::list<std::unique_ptr<One>> all_;
  bool still_ = false;
};

}  // namespace carrel::session
