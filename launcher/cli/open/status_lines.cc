#include "launcher/cli/open/status_lines.h"

#include <string.h>

#include "profiles/base/text.h"

namespace carrel::open {
namespace {

/// A JSON string of text that quoted() has already freed of control bytes.
std::string json(const std::string& text) {
  std::string out = "\"";
  for (const char c : quoted(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : std::to_string(number);
}

std::string started_line(const protocol::Started& started) {
  std::string missing;
  for (const std::string& id : started.missing()) {
    missing += (missing.empty() ? "" : ",") + json(id);
  }
  return "{\"v\":1,\"session\":" + json(started.session()) +
         ",\"workspace\":" + json(started.workspace()) + ",\"task\":" + json(started.task()) +
         ",\"profile\":" + json(started.profile()) +
         ",\"profile_sha256\":" + json(started.profile_sha256()) +
         ",\"mode\":" + json(started.mode()) + ",\"sensor\":" + json(started.sensor()) +
         ",\"assurance\":{\"asked\":" + json(started.asked()) + ",\"missing\":[" + missing +
         "]}}\n";
}

std::string end_line(const protocol::Ended& ended) {
  return "{\"end\":{\"by\":" + json(ended.by()) + ",\"code\":" + std::to_string(ended.code()) +
         ",\"signal\":" + (ended.signal() == 0 ? "null" : json(signal_name(ended.signal()))) +
         ",\"error\":" + (ended.error().empty() ? "null" : json(ended.error())) + "}}\n";
}

}  // namespace carrel::open
