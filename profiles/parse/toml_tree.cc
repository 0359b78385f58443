#include "profiles/parse/toml_tree.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/parse/nesting.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 16
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

namespace carrel::parse {
namespace {

model::SourceLine start_of(const toml::source_region& region) {
  return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

std::string_view type_words(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

/// As deep as the nesting that check_nesting and toml++ let through: a few hundred levels.
Value convert(const toml::node& node) {
  Value value;
  value.where = start_of(node.source());
  value.type = type_words(node.type());
  if (const toml::table* table = node.as_table()) {
    value.kind = Value::Kind::kTable;
    for (const auto& [key, child] : *table) {
      value.members.push_back({std::string(key.str()), start_of(key.source()), convert(child)});
    }
    std::sort(value.members.begin(), value.members.end(),
              [](const Member& a, const Member& b) { return a.key < b.key; });
  } else if (const toml::array* list = node.as_array()) {
    value.kind = Value::Kind::kList;
    for (const toml::node& child : *list)
      value.items.push_back(convert(child));
  } else if (const auto* text = node.as_string()) {
    value.kind = Value::Kind::kString;
    value.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    value.kind = Value::Kind::kInteger;
    value.number = number->get();
  }
  return value;
}

}  // namespace

const Member* Value::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

bool read_toml(std::string_view source, Value& root, Problems& problems) {
  if (const auto problem = check_nesting(source)) {
    problems.add(problem->where, problem->text);
    return false;
  }
  const toml::parse_result result = toml::parse(source);
  if (!result) {
    const toml::parse_error& error = result.error();
    problems.add(start_of(error.source()),
                 "not valid TOML: " + quoted(error.description().substr(0, 300)));
    return false;
  }
  root = convert(result.table());
  root.where = {1, 1};
  return true;
}

}  // namespace carrel::parse
