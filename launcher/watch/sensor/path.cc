#include "launcher/watch/sensor/path.h"

#include <utility>
#include <vector>

#include "launcher/watch/sensor/wire.h"

namespace carrel::sensor {

std::string join(std::string_view base, std::string_view name) {
  std::string path(name.starts_with('/') ? std::string_view("/") : base);
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  size_t at = 0;
  while (at < name.size()) {
    const size_t slash = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const size_t cut = path.rfind('/');
      if (cut != std::string::npos) path.resize(cut);
    } else {
      if (path != "/") path += '/';
      path += part;
    }
    if (path.empty()) path.push_back('/');
  }
  return path;
}

std::optional<std::string> path_of_components(std::string_view components) {
  std::vector<std::string_view> parts;
  while (!components.empty()) {
    const size_t end = components.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    parts.push_back(components.substr(0, end));
    components.remove_prefix(end + 1);
  }
  std::string path;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    path += '/';
    path += *part;
  }
  return path.empty() ? "/" : path;
}

void Dictionary::define(uint32_t id, Place place) {
  if (recent_.size() >= kLimit || recent_bytes_ >= kByteLimit) {
    older_ = std::exchange(recent_, {});
    recent_bytes_ = 0;
  }
  recent_bytes_ += place.path.size();
  recent_.insert_or_assign(id, std::move(place));
}

const Dictionary::Place* Dictionary::find(uint32_t id) {
  const auto at = recent_.find(id);
  if (at != recent_.end()) return &at->second;
  auto old = older_.extract(id);
  if (old.empty()) return nullptr;
  define(id, std::move(old.mapped()));
  return &recent_.find(id)->second;
}

Dictionary::Place Dictionary::resolve(uint32_t id, std::string_view name) {
  if (id == CARREL_DIR_ROOT) return {join("/", name), true};
  const Place* place = find(id);
  if (place == nullptr) return {join("?", name), false};
  return {join(place->path, name), place->known};
}

}  // namespace carrel::sensor
