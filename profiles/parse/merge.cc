#include "profiles/parse/merge.h"

#include <algorithm>
#include <array>

#include "profiles/parse/keys.h"

namespace carrel::parse {
namespace {

constexpr std::array<std::string_view, 5> kOwnKeys = {"profile", "version", "summary", "extends",
                                                      "widen"};

bool is_own(std::string_view key) {
  return std::find(kOwnKeys.begin(), kOwnKeys.end(), key) != kOwnKeys.end();
}

bool has_shape(std::string_view key, Shape shape) {
  const KeySpec* spec = find_key(key);
  return spec != nullptr && spec->shape == shape;
}

/// What tells the tables of a list apart: name, host or port; "" where it is missing.
std::string identity(const Value& table) {
  for (const std::string_view key : {"name", "host", "port"}) {
    const Member* member = table.find(key);
    if (member == nullptr) continue;
    if (member->value.kind == Value::Kind::kString) return member->value.text;
    if (member->value.kind == Value::Kind::kInteger) return std::to_string(member->value.number);
  }
  return "";
}

bool covers(const Value& upper, const Value& lower) {
  if (upper.kind != Value::Kind::kString || lower.kind != Value::Kind::kString) return false;
  return lower.text == upper.text || lower.text.starts_with(upper.text + "/");
}

/// Both lists of paths, without an entry of one that lies at or below an entry of the other.
Value united(const Value& parent, Value child) {
  if (parent.kind != Value::Kind::kList || child.kind != Value::Kind::kList) return child;
  std::erase_if(child.items, [&](const Value& entry) {
    return std::any_of(parent.items.begin(), parent.items.end(),
                       [&](const Value& other) { return covers(other, entry); });
  });
  for (const Value& entry : parent.items) {
    const bool covered = std::any_of(child.items.begin(), child.items.end(),
                                     [&](const Value& other) { return covers(other, entry); });
    if (!covered) child.items.push_back(entry);
  }
  return child;
}

void sort_members(Value& table) {
  std::sort(table.members.begin(), table.members.end(),
            [](const Member& a, const Member& b) { return a.key < b.key; });
}

/// Tables of one [[list]] by identity. An empty child list takes none of the parent's.
Value merge_lists(const Value& parent, Value child);

Value merge_tables(const Value& parent, Value child, std::string_view prefix) {
  if (parent.kind != Value::Kind::kTable || child.kind != Value::Kind::kTable) return child;
  for (const Member& inherited : parent.members) {
    if (prefix.empty() && is_own(inherited.key)) continue;
    const auto own =
        std::find_if(child.members.begin(), child.members.end(),
                     [&](const Member& member) { return member.key == inherited.key; });
    if (own == child.members.end()) {
      child.members.push_back(inherited);
      continue;
    }
    const std::string name =
        prefix.empty() ? inherited.key : std::string(prefix) + "." + inherited.key;
    if (prefix.empty() && has_shape(name, Shape::kTable)) {
      own->value = merge_tables(inherited.value, std::move(own->value), name);
    } else if (prefix.empty() && has_shape(name, Shape::kTables)) {
      own->value = merge_lists(inherited.value, std::move(own->value));
    } else if (name == "repository.never") {
      own->value = united(inherited.value, std::move(own->value));
    }
  }
  sort_members(child);
  return child;
}

Value merge_lists(const Value& parent, Value child) {
  if (parent.kind != Value::Kind::kList || child.kind != Value::Kind::kList || child.items.empty())
    return child;
  for (const Value& inherited : parent.items) {
    const std::string name = identity(inherited);
    const auto own = std::find_if(child.items.begin(), child.items.end(), [&](const Value& table) {
      return !name.empty() && identity(table) == name;
    });
    if (own == child.items.end()) {
      child.items.push_back(inherited);
    } else {
      *own = merge_tables(inherited, std::move(*own), "repository");
    }
  }
  return child;
}

const Value* find_table(const Value& list, const std::string& name) {
  for (const Value& table : list.items) {
    if (!name.empty() && identity(table) == name) return &table;
  }
  return nullptr;
}

void drop_in(Value& table, const Value* parent, bool descend) {
  std::erase_if(table.members, [&](const Member& member) {
    const bool empty = member.value.kind == Value::Kind::kList && member.value.items.empty();
    return empty && (member.value.where.file != 0 ||
                     (parent != nullptr && parent->find(member.key) != nullptr));
  });
  if (!descend) return;
  for (Member& member : table.members) {
    const Member* above = parent == nullptr ? nullptr : parent->find(member.key);
    const Value* upper = above == nullptr ? nullptr : &above->value;
    if (member.value.kind == Value::Kind::kTable) drop_in(member.value, upper, false);
    for (Value& item : member.value.items) {
      if (item.kind != Value::Kind::kTable) continue;
      drop_in(item, upper == nullptr ? nullptr : find_table(*upper, identity(item)), false);
    }
  }
}

}  // namespace

Value merge(const Value& parent, Value child) {
  return merge_tables(parent, std::move(child), "");
}

void drop_empty_lists(Value& merged, const Value& parent) {
  drop_in(merged, &parent, true);
}

void drop_unfinished(Value& merged) {
  const auto is_unfinished = [](std::string_view kind, const Value& table) {
    const auto lacks = [&table](std::string_view key) { return table.find(key) == nullptr; };
    if (kind == "repository") return lacks("source") || lacks("ref");
    if (kind == "network") return lacks("ports");
    if (kind == "credential") return lacks("audience") && lacks("from");
    return kind == "interface" && lacks("path");
  };
  for (Member& member : merged.members) {
    std::erase_if(member.value.items, [&](const Value& item) {
      return item.kind == Value::Kind::kTable && item.where.file != 0 &&
             is_unfinished(member.key, item);
    });
  }
  std::erase_if(merged.members, [](const Member& member) {
    return member.value.kind == Value::Kind::kList && member.value.items.empty() &&
           member.value.where.file != 0;
  });
}

compare::Said said_by(const Value& root) {
  compare::Said said = compare::Said::nothing();
  for (const Member& member : root.members) {
    said.add(member.key);
    for (const Member& inner : member.value.members)
      said.add(member.key + "." + inner.key);
    for (const Value& item : member.value.items) {
      const std::string name = member.key + "." + identity(item);
      for (const Member& inner : item.members)
        said.add(name + "." + inner.key);
    }
  }
  return said;
}

}  // namespace carrel::parse
