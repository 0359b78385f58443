#pragma once
// An array of objects in the JSON that several verbs write.

#include <string>
#include <string_view>

#include "broker/record/events/json_text.h"

namespace carrel::review {

/// "name":[ … ] of the objects that `write(object, item)` fills.
template <typename Items, typename Write>
void write_array(events::JsonObject* line, std::string_view name, const Items& items,
                 const Write& write) {
  std::string* out = line->raw(name);
  *out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) *out += ',';
    first = false;
    events::JsonObject object(out);
    write(&object, item);
    object.end();
  }
  *out += ']';
}

}  // namespace carrel::review
