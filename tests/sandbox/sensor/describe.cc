#include "tests/sandbox/sensor/describe.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace carrel::sensor {
namespace {

struct Describe {
  std::string operator()(const events::ProcessExec& e) const {
    std::string text = e.path + " argv";
    for (const std::string& argument : e.argv)
      text += "," + argument;
    return text + (e.truncated ? " truncated" : "");
  }
  std::string operator()(const events::ProcessExecFailed& e) const { return e.path; }
  std::string operator()(const events::ProcessFork& e) const {
    return "child p" + std::to_string(e.child);
  }
  std::string operator()(const events::ProcessExit& e) const {
    return "code " + std::to_string(e.code) + " signal " + std::to_string(e.signal);
  }
  std::string operator()(const events::ProcessRefused& e) const {
    std::string text = "args";
    for (uint64_t argument : e.args)
      text += "," + std::to_string(argument);
    return text;
  }
  std::string operator()(const events::FileOpen& e) const {
    char flags[16];
    snprintf(flags, sizeof flags, " 0%o", e.flags);
    return e.path + flags + (e.created ? " created" : "");
  }
  std::string operator()(const events::FileClose& e) const {
    return e.path + " " + std::to_string(e.bytes);
  }
  std::string operator()(const events::FileRename& e) const { return e.from + " -> " + e.to; }
  std::string operator()(const events::FileUnlink& e) const { return e.path; }
  std::string operator()(const events::FileMake& e) const {
    return e.how + " " + e.path + (e.target.empty() ? "" : " -> " + e.target);
  }
  std::string operator()(const events::FileEnter& e) const { return e.path; }
  std::string operator()(const events::FileProbe& e) const { return e.path; }
  std::string operator()(const events::NetConnect& e) const {
    return e.family + " " + e.address + " " + std::to_string(e.port);
  }
  std::string operator()(const events::NetForward& e) const {
    return e.address + " " + std::to_string(e.port);
  }
  template <typename T>
  std::string operator()(const T&) const {
    return "unexpected";
  }
};

}  // namespace

std::string describe(const Observation& seen) {
  std::string text = "p" + std::to_string(seen.process.id) + " " +
                     std::string(events::type_name(seen.data)) + " " +
                     std::visit(Describe{}, seen.data);
  if (seen.channel != 0) text += " channel " + std::to_string(seen.channel);
  if (seen.error != 0) text += " " + errno_name(seen.error);
  return text + (seen.path_known ? "" : " unknown");
}

std::vector<std::string> describe(const std::vector<Observation>& seen) {
  std::vector<std::string> lines;
  lines.reserve(seen.size());
  std::transform(seen.begin(), seen.end(), std::back_inserter(lines),
                 [](const Observation& one) { return describe(one); });
  return lines;
}

}  // namespace carrel::sensor
