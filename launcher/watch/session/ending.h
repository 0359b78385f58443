#pragma once
// How a session ends, as the contract with outside programs words it: who ended it, its code, and
// one sentence where it was not the command itself. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::session {

struct Ending {
  std::string by;  // setup | policy | person | command | kill
  int32_t code = 0;
  int32_t signal = 0;  // 0: none
  std::string error;   // "" where the command ended by itself
  bool operator==(const Ending&) const = default;
};

/// The main command's own end, from its wait status (wait(2)): its code, or 128 + signal.
Ending ended_by_command(int wait_status);
/// Something before the command could run: 123.
Ending ended_by_setup(const Error& why);
/// carrel-init reports the step that failed, by number (init::PayloadStep).
Ending ended_by_step(int32_t step, int32_t error);
/// The program `word` (untrusted bytes) could not be executed.
Ending ended_by_exec(int32_t error, std::string_view word);
/// The time of a limit is over: 124.
Ending ended_by_time(std::string_view limit, std::string_view words);
/// A person closed it: 125. Reason and person are somebody's words.
Ending ended_by_order(std::string_view person, std::string_view reason);
/// The record could not be kept: 124. Nothing that runs unrecorded may go on.
Ending ended_by_record(std::string_view why);
/// The command's or the person's end, of a session whose record or workspace did not end as
/// promised: 124. Any other ending stays what it is.
Ending overruled(Ending ending, std::string_view why);
/// The launcher closed its channel, or is not there any more: 124.
Ending ended_by_launcher();
/// A rule of the session could not be kept up: 124.
Ending ended_by_policy(const Error& why);
/// The person's client has gone: 125.
Ending ended_by_client();
/// A signal of the person before there was a command to take it: 125.
Ending ended_by_person();
/// carrel-init died without saying how the command ended: 137.
Ending ended_by_kill();

}  // namespace carrel::session
