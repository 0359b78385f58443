#include "profiles/parse/reader.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/keys.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

constexpr size_t kShownBytes = 80;

const KeySpec* find_key(std::string_view full_name) {
  for (const KeySpec& spec : known_keys()) {
    if (spec.name == full_name) return &spec;
  }
  return nullptr;
}

bool is_list_of_tables(std::string_view table) {
  return table == "repository" || table == "credential";
}

bool is_value_not_yet(std::string_view key, std::string_view value) {
  const std::span<const ValueSpec> all = values_not_yet();
  return std::find(all.begin(), all.end(), ValueSpec{key, value}) != all.end() ||
         (key == "toolchain.root" && !value.empty());
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += '"' + std::string(word) + '"';
  }
  return out;
}

std::string shown(std::string_view text) {
  return '"' + quoted(text.substr(0, kShownBytes)) + '"';
}

}  // namespace

std::string TableReader::full_name(std::string_view key) const {
  return prefix_.empty() ? std::string(key) : std::string(prefix_) + "." + std::string(key);
}

std::string TableReader::header() const {
  if (prefix_.empty()) return "at the top";
  const bool list = is_list_of_tables(prefix_);
  return std::string("in ") + (list ? "[[" : "[") + std::string(prefix_) + (list ? "]]" : "]");
}

/// A key of the same name in another table is nearer than any other word here.
std::string TableReader::nearest_key(std::string_view key) const {
  std::vector<std::string_view> here;
  for (const KeySpec& spec : known_keys()) {
    const size_t dot = spec.name.find('.');
    const bool top = dot == std::string_view::npos;
    const std::string_view table = top ? "" : spec.name.substr(0, dot);
    const std::string_view last = top ? spec.name : spec.name.substr(dot + 1);
    if (last == key) return std::string(spec.name);
    if (table == prefix_) here.push_back(last);
  }
  key = key.substr(0, kShownBytes);
  // Two swapped letters are the commonest slip, but no nearer by edit distance: such words go
  // first.
  std::stable_partition(here.begin(), here.end(), [key](std::string_view word) {
    return std::is_permutation(word.begin(), word.end(), key.begin(), key.end());
  });
  return nearest(key, here.data(), here.size(), kShownBytes);
}

void TableReader::refuse_other_keys() const {
  for (const Member& member : table_.members) {
    if (problems_.full()) return;
    const KeySpec* spec = find_key(full_name(member.key));
    if (member.key.find('.') != std::string::npos) spec = nullptr;
    if (spec == nullptr) {
      problems_.add(member.where, "unknown key " + shown(member.key) + " " + header() +
                                      "; the nearest known key is \"" + nearest_key(member.key) +
                                      "\"");
    } else if (spec->support == Support::kNotYet) {
      problems_.add(member.where,
                    "key \"" + std::string(spec->name) + "\" is not supported yet; remove it");
    }
  }
}

model::SourceLine TableReader::where(std::string_view key) const {
  const Member* member = table_.find(key);
  return member == nullptr ? table_.where : member->where;
}

const Value* TableReader::find(std::string_view key, Value::Kind kind, std::string_view wanted,
                               Need need) const {
  const Member* member = table_.find(key);
  if (member == nullptr) {
    if (need == Need::kRequired) {
      problems_.add(table_.where, "key \"" + full_name(key) + "\" is missing; add " +
                                      std::string(wanted) + " " + header());
    }
    return nullptr;
  }
  if (member->value.kind == kind) return &member->value;
  problems_.add(member->where, "\"" + full_name(key) + "\" is " + std::string(member->value.type) +
                                   "; write " + std::string(wanted));
  return nullptr;
}

std::string TableReader::text(std::string_view key, TextCheck check, Need need) const {
  const std::string wanted = std::string(key) + " = \"…\"";
  const Value* value = find(key, Value::Kind::kString, wanted, need);
  if (value == nullptr) return "";
  if (auto complaint = check(value->text)) {
    problems_.add(value->where, full_name(key) + " " + *complaint);
  }
  return value->text;
}

uint64_t TableReader::version(std::string_view key) const {
  const Value* value = find(key, Value::Kind::kInteger, std::string(key) + " = 1", Need::kRequired);
  if (value == nullptr) return 0;
  if (value->number < 1 || static_cast<uint64_t>(value->number) > kMaxVersion) {
    problems_.add(value->where, full_name(key) + " is " + std::to_string(value->number) +
                                    "; count from 1 upwards");
  }
  return static_cast<uint64_t>(value->number);
}

uint64_t TableReader::duration(std::string_view key, uint64_t low, uint64_t high,
                               uint64_t fallback) const {
  const Value* value =
      find(key, Value::Kind::kString,
           std::string(key) + " = \"90s\", a text with one unit of s, m, h, d", Need::kOptional);
  if (value == nullptr) return fallback;
  auto seconds = parse_duration(value->text);
  if (!seconds.ok()) {
    problems_.add(value->where, full_name(key) + ": " + seconds.error().what);
    return fallback;
  }
  if (seconds.value() < low || seconds.value() > high) {
    problems_.add(value->where, full_name(key) + " is " + shown(value->text) + "; it must be " +
                                    model::to_duration_text(low) + " to " +
                                    model::to_duration_text(high));
  }
  return seconds.value();
}

size_t TableReader::choice(std::string_view key, std::span<const std::string_view> words,
                           size_t fallback) const {
  const Value* value = find(key, Value::Kind::kString, "one of " + listed(words), Need::kOptional);
  if (value == nullptr) return fallback;
  const auto found = std::find(words.begin(), words.end(), value->text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  const std::string start = full_name(key) + " = " + shown(value->text);
  if (is_value_not_yet(full_name(key), value->text)) {
    problems_.add(value->where, start + " is not supported yet; so far " + listed(words));
  } else {
    problems_.add(value->where, start + " is unknown; write " +
                                    (words.size() > 1 ? "one of " : "") + listed(words));
  }
  return fallback;
}

std::vector<model::PathEntry> TableReader::paths(std::string_view key) const {
  std::vector<model::PathEntry> entries;
  const Value* list = find(key, Value::Kind::kList, "a list: " + std::string(key) + " = [\"docs\"]",
                           Need::kOptional);
  if (list == nullptr) return entries;
  if (list->items.empty()) {
    problems_.add(list->where, full_name(key) + " is an empty list; name a path or leave it out");
  }
  for (const Value& item : list->items) {
    if (problems_.full()) return entries;
    if (item.kind != Value::Kind::kString) {
      problems_.add(item.where, full_name(key) + " holds " + std::string(item.type) +
                                    "; write each path as \"…\"");
      continue;
    }
    if (auto complaint = check_path(item.text)) {
      problems_.add(item.where, full_name(key) + ": " + *complaint);
      continue;
    }
    auto path = RelPath::parse(item.text);
    if (path.ok()) entries.push_back({path.take(), item.where});
  }
  return entries;
}

const Value* TableReader::table(std::string_view key, Need need) const {
  return find(key, Value::Kind::kTable, "the table [" + std::string(key) + "]", need);
}

std::vector<const Value*> TableReader::tables(std::string_view key) const {
  std::vector<const Value*> found;
  const Value* list = find(key, Value::Kind::kList,
                           "[[" + std::string(key) + "]] with two brackets", Need::kOptional);
  if (list == nullptr) return found;
  for (const Value& item : list->items) {
    if (item.kind == Value::Kind::kTable) {
      found.push_back(&item);
    } else {
      problems_.add(item.where, "\"" + full_name(key) + "\" holds " + std::string(item.type) +
                                    "; write each as [[" + std::string(key) + "]]");
    }
  }
  if (list->items.empty()) {
    problems_.add(list->where, "\"" + full_name(key) + "\" is an empty list; leave it out");
  }
  return found;
}

}  // namespace carrel::parse
