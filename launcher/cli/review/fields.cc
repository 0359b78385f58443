#include "launcher/cli/review/fields.h"

#include <algorithm>
#include <cstdio>

#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

void write_command(events::JsonObject* object, const protocol::SessionRow& row) {
  const bool text = std::all_of(row.command().begin(), row.command().end(),
                                [](const std::string& word) { return is_utf8(word); });
  std::string* out = object->raw(text ? "command" : "command_b64");
  *out += '[';
  for (int i = 0; i < row.command_size(); ++i) {
    if (i != 0) *out += ',';
    events::append_json_string(out, text ? row.command(i) : to_base64(row.command(i)));
  }
  *out += ']';
}

}  // namespace

void write_row(events::JsonObject* object, const protocol::SessionRow& row) {
  object->number("v", 1);
  object->bytes("session", row.session());
  object->bytes("workspace", row.workspace());
  object->bytes("task", row.task());
  object->bytes("profile", row.profile());
  object->number("profile_version", row.profile_version());
  object->bytes("profile_sha256", row.profile_sha256());
  object->bytes("person", row.person());
  object->bytes("host", row.host());
  object->bytes("mode", row.mode());
  write_command(object, row);
  object->bytes("started", to_rfc3339(row.started_ns()));
  const bool running = row.state() == "running";
  if (running || row.ended_ns() == 0)
    object->null("ended");
  else
    object->bytes("ended", to_rfc3339(row.ended_ns()));
  object->bytes("state", row.state());
  if (running || row.end_by().empty()) {
    object->null("end");
  } else {
    events::JsonObject end(object->raw("end"));
    end.bytes("by", row.end_by());
    end.integer("code", row.end_code());
    end.end();
  }
  object->number("events", row.events());
  object->number("denied", row.denied());
  object->number("changed", row.changed());
  object->number("lost", row.lost());
}

void write_rule(events::JsonObject* object, const std::string& id, const Facts& facts) {
  if (id.empty()) {
    object->null("rule");
    return;
  }
  const events::Rule* rule = facts.rule(id);
  events::JsonObject out(object->raw("rule"));
  out.bytes("id", id);
  out.bytes("text", rule == nullptr ? "" : rule->words);
  if (rule == nullptr || rule->file.empty())
    out.null("file");
  else
    out.bytes("file", rule->file);
  if (rule == nullptr || rule->line == 0)
    out.null("line");
  else
    out.number("line", rule->line);
  out.end();
}

std::string json_name(std::string_view name) {
  std::string out;
  events::append_json_string(&out, is_utf8(name) ? std::string(name) : to_base64(name));
  return out.substr(1, out.size() - 2);
}

std::string duration_text(uint64_t ns) {
  const uint64_t seconds = ns / kSecond;
  if (seconds >= 3600)
    return std::to_string(seconds / 3600) + "h " + std::to_string(seconds / 60 % 60) + "m";
  if (seconds >= 60)
    return std::to_string(seconds / 60) + "m " + std::to_string(seconds % 60) + "s";
  char text[32];
  snprintf(text, sizeof text, "%u.%03us", static_cast<unsigned>(seconds),
           static_cast<unsigned>(ns / 1'000'000 % 1000));
  return text;
}

std::string since_text(uint64_t ns) {
  char text[40];
  snprintf(text, sizeof text, "+%llu.%03us", static_cast<unsigned long long>(ns / kSecond),
           static_cast<unsigned>(ns / 1'000'000 % 1000));
  return text;
}

std::string time_text(uint64_t unix_ns) {
  std::string text = to_rfc3339(unix_ns);
  const size_t at = text.find('T');
  if (at != std::string::npos) text[at] = ' ';
  return text.substr(0, text.find('.')) + "Z";
}

std::string state_text(const protocol::SessionRow& row) {
  if (row.state() == "running") return "running";
  std::string out = quoted(row.end_by()) + " " + std::to_string(row.end_code());
  if (row.end_by().empty()) out = "no end";
  return row.state() == "closed" ? out : out + " (broken)";
}

size_t shown_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string padded(std::string text, size_t width) {
  const size_t shown = shown_width(text);
  if (shown < width) text.append(width - shown, ' ');
  return text;
}

std::string clipped(std::string_view text, size_t width) {
  size_t shown = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && shown == width) return std::string(text.substr(0, i)) + "...";
    if (begins) ++shown;
  }
  return std::string(text);
}

}  // namespace carrel::review
