#include "profiles/parse/reader.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/parse/keys.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

constexpr size_t kShownBytes = 80;

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
  const KeySpec* spec = find_key(prefix_);
  const bool list = spec != nullptr && spec->shape == Shape::kTables;
  return std::string("in ") + (list ? "[[" : "[") + std::string(prefix_) + (list ? "]]" : "]");
}

/// A key of the same name in another table is nearer than any other word here.
std::string TableReader::nearest_key(std::string_view key) const {
  std::vector<std::string_view> here;
  for (const KeySpec& spec : known_keys()) {
    const size_t dot = spec.name.rfind('.');
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
    if (reading_.problems.full()) return;
    const std::string name = full_name(member.key);
    const bool known = member.key.find('.') == std::string::npos && find_key(name) != nullptr;
    if (!known) {
      reading_.problems.add(member.where, "unknown key " + shown(member.key) + " " + header() +
                                              "; the nearest known key is \"" +
                                              nearest_key(member.key) + "\"");
      continue;
    }
    for (const NotYet& row : reading_.not_yet) {
      if (row.key != name || !row.value.empty()) continue;
      reading_.problems.add(member.where, "key \"" + name + "\" is not supported yet; remove it (" +
                                              std::string(row.why) + ")");
    }
  }
}

/// Whether the key ("") or this value of it is not supported yet.
bool TableReader::is_refused(std::string_view key, std::string_view value) const {
  const std::string name = full_name(key);
  return std::any_of(reading_.not_yet.begin(), reading_.not_yet.end(),
                     [&](const NotYet& row) { return row.key == name && row.value == value; });
}

model::SourceLine TableReader::where(std::string_view key) const {
  const Member* member = table_.find(key);
  return member == nullptr ? table_.where : member->where;
}

model::SourceLine TableReader::line_of(std::string_view key) const {
  const Member* member = table_.find(key);
  return member == nullptr ? model::SourceLine{} : member->where;
}

void TableReader::complain(std::string_view key, std::string_view complaint) const {
  reading_.problems.add(where(key), full_name(key) + " " + std::string(complaint));
}

const Value* TableReader::find(std::string_view key, Value::Kind kind, std::string_view wanted,
                               Need need) const {
  const Member* member = table_.find(key);
  if (member == nullptr) {
    if (need == Need::kRequired && !reading_.part) {
      reading_.problems.add(table_.where, "key \"" + full_name(key) + "\" is missing; add " +
                                              std::string(wanted) + " " + header());
    }
    return nullptr;
  }
  if (is_refused(key, "")) return nullptr;
  if (member->value.kind == kind) return &member->value;
  reading_.problems.add(member->where, "\"" + full_name(key) + "\" is " +
                                           std::string(member->value.type) + "; write " +
                                           std::string(wanted));
  return nullptr;
}

std::string TableReader::text(std::string_view key, TextCheck check, Need need,
                              std::string_view fallback) const {
  const Value* value = find(key, Value::Kind::kString, std::string(key) + " = \"…\"", need);
  if (value == nullptr) return std::string(fallback);
  if (auto complaint = check(value->text)) {
    reading_.problems.add(value->where, full_name(key) + " " + *complaint);
  } else if (value->text != fallback && is_refused(key, "*")) {
    reading_.problems.add(value->where, full_name(key) + " = " + shown(value->text) +
                                            " is not supported yet; so far \"" +
                                            std::string(fallback) + "\"");
  }
  return value->text;
}

/// In a part it says "none of this"; canonical bytes write some lists out.
bool TableReader::may_be_empty() const {
  return reading_.part || reading_.notation == Notation::kCanonical;
}

const Value* TableReader::list(std::string_view key, std::string_view example, Need need) const {
  const Value* found =
      find(key, Value::Kind::kList,
           "a list: " + std::string(key) + " = [" + std::string(example) + "]", need);
  if (found != nullptr && found->items.empty() && !may_be_empty()) {
    reading_.problems.add(found->where,
                          full_name(key) + " is an empty list; name something or leave it out");
  }
  return found;
}

std::vector<model::TextEntry> TableReader::texts(std::string_view key, TextCheck check) const {
  std::vector<model::TextEntry> entries;
  const Value* found = list(key, "\"…\"", Need::kOptional);
  if (found == nullptr) return entries;
  for (const Value& item : found->items) {
    if (reading_.problems.full()) return entries;
    if (item.kind != Value::Kind::kString) {
      reading_.problems.add(item.where, full_name(key) + " holds " + std::string(item.type) +
                                            "; write each as \"…\"");
    } else if (auto complaint = check(item.text)) {
      reading_.problems.add(item.where, full_name(key) + ": " + *complaint);
    } else {
      entries.push_back({item.text, item.where});
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.text < b.text; });
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].text != entries[i - 1].text) continue;
    reading_.problems.add(entries[i].where, full_name(key) + " has " + shown(entries[i].text) +
                                                " twice; remove one of the two");
  }
  if (entries.size() > kMaxTexts) {
    reading_.problems.add(
        found->where, full_name(key) + " has more than " + std::to_string(kMaxTexts) + " entries");
  }
  return entries;
}

std::optional<uint64_t> TableReader::number(const Value& value, std::string_view key,
                                            Bounds bounds) const {
  const auto count = static_cast<uint64_t>(value.number);
  if (value.number >= 0 && count >= bounds.low && count <= bounds.high) return count;
  reading_.problems.add(value.where, full_name(key) + " is " + std::to_string(value.number) +
                                         "; it must be " + std::to_string(bounds.low) + " to " +
                                         std::to_string(bounds.high));
  return std::nullopt;
}

uint64_t TableReader::integer(std::string_view key, Bounds bounds, Need need,
                              uint64_t fallback) const {
  const Value* value = find(
      key, Value::Kind::kInteger,
      std::string(key) + " = " + std::to_string(std::max<uint64_t>(fallback, bounds.low)), need);
  return value == nullptr ? fallback : number(*value, key, bounds).value_or(fallback);
}

std::vector<uint64_t> TableReader::integers(std::string_view key, Bounds bounds, Need need) const {
  std::vector<uint64_t> numbers;
  const Value* found = list(key, std::to_string(bounds.low), need);
  if (found == nullptr) return numbers;
  for (const Value& item : found->items) {
    if (reading_.problems.full()) return numbers;
    if (item.kind != Value::Kind::kInteger) {
      reading_.problems.add(item.where, full_name(key) + " holds " + std::string(item.type) +
                                            "; write each as a number");
    } else if (const auto count = number(item, key, bounds)) {
      numbers.push_back(*count);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) {
    reading_.problems.add(found->where, full_name(key) + " names a number twice");
  }
  if (numbers.size() > kMaxTexts) {
    reading_.problems.add(
        found->where, full_name(key) + " has more than " + std::to_string(kMaxTexts) + " entries");
  }
  return numbers;
}

bool TableReader::boolean(std::string_view key) const {
  const bool canonical = reading_.notation == Notation::kCanonical;
  const Value* value = find(key, canonical ? Value::Kind::kInteger : Value::Kind::kBoolean,
                            std::string(key) + " = true", Need::kOptional);
  return value != nullptr && value->number == 1;
}

size_t TableReader::choice(std::string_view key, std::span<const std::string_view> words,
                           size_t fallback) const {
  std::vector<std::string_view> supported;
  for (const std::string_view word : words) {
    if (!is_refused(key, word)) supported.push_back(word);
  }
  const Value* value =
      find(key, Value::Kind::kString, "one of " + listed(supported), Need::kOptional);
  if (value == nullptr) return fallback;
  const auto found = std::find(words.begin(), words.end(), value->text);
  const std::string start = full_name(key) + " = " + shown(value->text);
  if (found != words.end()) {
    if (is_refused(key, *found)) {
      reading_.problems.add(value->where,
                            start + " is not supported yet; " +
                                (supported.empty() ? "remove it" : "so far " + listed(supported)));
    }
    return static_cast<size_t>(found - words.begin());
  }
  reading_.problems.add(
      value->where,
      start + " is unknown; write " + (supported.size() > 1 ? "one of " : "") + listed(supported));
  return fallback;
}

std::vector<model::PathEntry> TableReader::paths(std::string_view key) const {
  std::vector<model::PathEntry> entries;
  const Value* list = find(key, Value::Kind::kList, "a list: " + std::string(key) + " = [\"docs\"]",
                           Need::kOptional);
  if (list == nullptr) return entries;
  if (list->items.empty() && !may_be_empty()) {
    reading_.problems.add(list->where,
                          full_name(key) + " is an empty list; name a path or leave it out");
  }
  for (const Value& item : list->items) {
    if (reading_.problems.full()) return entries;
    if (item.kind != Value::Kind::kString) {
      reading_.problems.add(item.where, full_name(key) + " holds " + std::string(item.type) +
                                            "; write each path as \"…\"");
      continue;
    }
    if (auto complaint = check_path(item.text)) {
      reading_.problems.add(item.where, full_name(key) + ": " + *complaint);
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
      reading_.problems.add(item.where, "\"" + full_name(key) + "\" holds " +
                                            std::string(item.type) + "; write each as [[" +
                                            std::string(key) + "]]");
    }
  }
  if (list->items.empty() && !may_be_empty()) {
    reading_.problems.add(list->where, "\"" + full_name(key) + "\" is an empty list; leave it out");
  }
  return found;
}

}  // namespace carrel::parse
