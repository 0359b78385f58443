#include "launcher/cli/review/net_text.h"

#include <algorithm>
#include <array>

#include "launcher/cli/review/fields.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr size_t kLinesShown = 200;  // of each kind; --json has all

std::string number(uint64_t value) {
  return std::to_string(value);
}

std::string counted(uint64_t value, std::string_view one, std::string_view more) {
  return number(value) + " " + std::string(value == 1 ? one : more);
}

/// "512 B", "1.5 KiB", "20.3 GiB".
std::string size_about(uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return number(bytes) + " B";
  uint64_t unit_bytes = 1024;
  size_t unit = 0;
  for (; bytes / 1024 >= unit_bytes && unit + 1 < kUnits.size(); ++unit)
    unit_bytes *= 1024;
  const uint64_t tenths = bytes / unit_bytes * 10 + bytes % unit_bytes * 10 / unit_bytes;
  return number(tenths / 10) + "." + number(tenths % 10) + " " + std::string(kUnits.at(unit));
}

std::string listed(const std::set<std::string>& items) {
  std::string out;
  for (const std::string& each : items)
    out += (out.empty() ? "" : ", ") + quoted(each);
  return out;
}

std::string listed(const std::map<std::string, uint64_t>& items) {
  std::string out;
  for (const auto& [each, times] : items)
    out += (out.empty() ? "" : ", ") + quoted(each) + " " + number(times);
  return out;
}

std::string since(uint64_t time_ns, const NetFacts& facts) {
  return since_text(time_ns - std::min(time_ns, facts.started_ns));
}

std::string with_port(const std::string& name, uint32_t port) {
  return quoted(name) + (port == 0 ? "" : " port " + number(port));
}

std::string destination_text(const Destination& to, const NetFacts& facts) {
  std::string out = "  " + with_port(to.name, to.port);
  out += to.mode.empty() ? ", denied" : ", " + quoted(to.mode);
  if (!to.rule.empty()) out += " (" + quoted(to.rule) + ")";
  out += "\n      " + counted(to.connections, "connection", "connections") + " from " +
         since(to.first_ns, facts) + " to " + since(to.last_ns, facts) + ", " + size_about(to.up) +
         " out, " + size_about(to.down) + " in";
  if (to.refused > 0) out += ", " + number(to.refused) + " denied";
  out += "\n";
  if (to.requests > 0) {
    out += "      " + counted(to.requests, "request", "requests") + ": " + listed(to.methods);
    if (to.requests_denied > 0) out += "; " + number(to.requests_denied) + " denied";
    out += "\n";
  }
  std::string by = listed(to.programs);
  if (to.without_process > 0) {
    out += "      of " + counted(to.without_process, "connection", "connections") +
           " the process is not known\n";
  }
  if (!by.empty()) out += "      by " + by + "\n";
  if (!to.upstreams.empty()) out += "      dialled " + listed(to.upstreams) + "\n";
  if (!to.leases.empty()) out += "      with the leases " + listed(to.leases) + "\n";
  const auto closed = to.ends.find("closed");
  const bool all_closed = closed != to.ends.end() && to.ends.size() == 1;
  if (!to.ends.empty() && !all_closed) out += "      ended: " + listed(to.ends) + "\n";
  return out;
}

template <typename Items, typename Text>
std::string lines(std::string_view title, const Items& items, const Text& text) {
  if (items.empty()) return "";
  std::string out = std::string(title) + "\n";
  size_t shown = 0;
  for (const auto& each : items) {
    if (shown++ == kLinesShown) break;
    out += text(each);
  }
  if (items.size() > kLinesShown)
    out += "  ... and " + number(items.size() - kLinesShown) + " more (--json lists them)\n";
  return out;
}

std::string notes_text(std::string_view title, std::string_view kind, const NetFacts& facts) {
  std::vector<NetNote> of_kind;
  for (const NetNote& note : facts.notes) {
    if (note.kind == kind) of_kind.push_back(note);
  }
  return lines(title, of_kind, [&facts](const NetNote& note) {
    return "  " + since(note.time_ns, facts) + "  " + quoted(note.what) +
           (note.name.empty() ? "" : " " + quoted(note.name)) +
           (note.detail.empty() ? "" : ": " + quoted(note.detail)) + "\n";
  });
}

}  // namespace

std::string net_text(const NetFacts& facts) {
  uint64_t connections = 0;
  uint64_t up = 0;
  uint64_t down = 0;
  for (const Destination& each : facts.destinations) {
    connections += each.connections;
    up += each.up;
    down += each.down;
  }
  std::string out = counted(facts.destinations.size(), "destination", "destinations") + ", " +
                    counted(connections, "connection", "connections") + ", " + size_about(up) +
                    " out, " + size_about(down) + " in\n";
  std::vector<Destination> sorted = facts.destinations;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Destination& a, const Destination& b) { return a.up > b.up; });
  out += lines("destinations, by bytes out", sorted,
               [&facts](const Destination& each) { return destination_text(each, facts); });
  out += lines("names that lead nowhere", facts.names, [&facts](const UnknownName& each) {
    return "  " + padded(number(each.times) + "x", 6) + quoted(each.name) + " (" +
           quoted(each.reason) + (each.rule.empty() ? "" : ", " + quoted(each.rule)) + "; first " +
           since(each.first_ns, facts) + ")\n";
  });
  out +=
      lines("addresses that were refused", facts.addresses, [&facts](const RefusedAddress& each) {
        const std::string by = listed(each.programs);
        return "  " + padded(number(each.times) + "x", 6) + with_port(each.address, each.port) +
               (by.empty() ? "" : " by " + by) + " (first " + since(each.first_ns, facts) + ")\n";
      });
  out += notes_text("budgets", "budget", facts);
  out += notes_text("anomalies", "anomaly", facts);
  out += notes_text("asked for and granted", "grant", facts);
  if (facts.unlisted > 0)
    out += "and " + number(facts.unlisted) + " events of what is not listed\n";
  return out;
}

}  // namespace carrel::review
