#include "launcher/box/probe/doctor.h"

#include <algorithm>
#include <cstdio>

#include "launcher/box/plan/plan.h"
#include "profiles/base/text.h"

namespace carrel::probe {
namespace {

std::string_view word(plan::CgroupLayout layout) {
  switch (layout) {
    case plan::CgroupLayout::kNone:
      return "none";
    case plan::CgroupLayout::kV2:
      return "v2";
    case plan::CgroupLayout::kHybrid:
      return "hybrid";
  }
  return "none";
}

std::string_view word(plan::SensorBackEnd back_end) {
  switch (back_end) {
    case plan::SensorBackEnd::kNone:
      return "none";
    case plan::SensorBackEnd::kSyscall:
      return "syscall";
    case plan::SensorBackEnd::kVfs:
      return "vfs";
    case plan::SensorBackEnd::kNotify:
      return "notify";
  }
  return "none";
}

std::string json_string(std::string_view bytes) {
  const std::string text = is_utf8(bytes) ? std::string(bytes) : quoted(bytes);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* json_bool(bool value) {
  return value ? "true" : "false";
}

std::string text_line(std::string_view id, bool given, const std::string& why,
                      const std::string& mends) {
  std::string line = given ? "  given    " : "  missing  ";
  line += id;
  line.resize(std::max<size_t>(line.size(), 30), ' ');
  line += quoted(why) + "\n";
  return mends.empty() ? line : line + std::string(30, ' ') + "to mend: " + quoted(mends) + "\n";
}

/// Without the brace that begins it.
std::string json_rest(bool given, const std::string& why, const std::string& mends) {
  return std::string("\"given\":") + json_bool(given) + ",\"why\":" + json_string(why) +
         ",\"mends\":" + (mends.empty() ? "null" : json_string(mends)) + "}";
}

}  // namespace

std::string doctor_text(const plan::HostFacts& facts, const std::vector<plan::Guarantee>& list,
                        const WayOutFacts& way_out) {
  std::string out = "host: Linux " + quoted(facts.kernel_release) + " " + quoted(facts.machine) +
                    (facts.root ? ", root" : ", ordinary user") + "; control groups " +
                    std::string(word(facts.cgroup.layout)) + "; sensor " +
                    std::string(word(facts.sensor.back_end)) + "; Landlock ABI " +
                    std::to_string(facts.landlock_abi) + "\n";
  for (const std::string& note : facts.notes)
    out += "note: " + quoted(note) + "\n";
  out += "guarantees:\n";
  for (const plan::Guarantee& one : list)
    out += text_line(plan::to_string(one.id), one.given, one.why, one.mends);
  out += "for profiles with [[network]]:\n" +
         text_line("way-out", way_out.given, way_out.why, way_out.mends);
  const Status ready = plan::check_host(facts);
  return out + (ready.ok() ? "ready: workspaces can be opened here\n"
                           : "not ready: " + ready.error().what + "\n");
}

std::string doctor_json(const plan::HostFacts& facts, const std::vector<plan::Guarantee>& list,
                        const WayOutFacts& way_out) {
  const Status ready = plan::check_host(facts);
  std::string out = "{\"v\":1,\"ready\":" + std::string(json_bool(ready.ok()));
  out += ",\"missing\":" + (ready.ok() ? "null" : json_string(ready.error().what));
  out += ",\"host\":{\"kernel\":" + json_string(facts.kernel_release) +
         ",\"machine\":" + json_string(facts.machine) + ",\"root\":" + json_bool(facts.root) +
         ",\"cgroup\":" + json_string(word(facts.cgroup.layout)) +
         ",\"sensor\":" + json_string(word(facts.sensor.back_end)) +
         ",\"landlock_abi\":" + std::to_string(facts.landlock_abi) + ",\"notes\":[";
  for (size_t i = 0; i < facts.notes.size(); ++i) {
    out += (i == 0 ? "" : ",") + json_string(facts.notes[i]);
  }
  out += "]},\"guarantees\":[";
  for (size_t i = 0; i < list.size(); ++i) {
    out += (i == 0 ? "{\"id\":" : ",{\"id\":") + json_string(plan::to_string(list[i].id)) + "," +
           json_rest(list[i].given, list[i].why, list[i].mends);
  }
  return out + "],\"way_out\":{" + json_rest(way_out.given, way_out.why, way_out.mends) + "}\n";
}

}  // namespace carrel::probe
