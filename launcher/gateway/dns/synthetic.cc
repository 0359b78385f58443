#include "launcher/gateway/dns/synthetic.h"

#include <cerrno>
#include <charconv>

#include "launcher/gateway/dns/name.h"

namespace carrel::gateway {
namespace {

constexpr uint32_t kFirst = 0xC6120000;  // 198.18.0.0
constexpr uint32_t kWindows = (uint32_t{1} << 17) / Window::kSize;
constexpr size_t kMost = Window::kSize - 2;  // neither the network's address nor the broadcast one
constexpr std::string_view kHead = "carrel-names 1 ";

/// The line at the front, which is taken away; nothing without its end.
std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

Window choose_window(uint32_t random) {
  return {kFirst + random % kWindows * Window::kSize};
}

Result<SyntheticNames> SyntheticNames::parse(std::string_view text) {
  const Error bad{"not a workspace's list of names", EBADMSG};
  const auto head = take_line(text);
  if (!head.has_value() || !head->starts_with(kHead)) return bad;
  const std::string_view number = head->substr(kHead.size());
  uint32_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc() || end != number.data() + number.size() || index >= kWindows) return bad;
  SyntheticNames names(choose_window(index));
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line.has_value()) return bad;
    const Result<std::string> name = canonical_name(*line);
    if (!name.ok() || name.value() != *line || names.places_.contains(name.value())) return bad;
    if (!names.give(name.value()).has_value()) return bad;
  }
  if (names.text().substr(0, head->size()) != *head) return bad;  // one way to write a number
  return names;
}

std::string SyntheticNames::text() const {
  std::string out(kHead);
  out += std::to_string((window_.base - kFirst) / Window::kSize) + "\n";
  for (const std::string& name : names_)
    out += name + "\n";
  return out;
}

uint32_t SyntheticNames::address_at(size_t index) const {
  return window_.base + 1 + static_cast<uint32_t>(index);
}

std::optional<uint32_t> SyntheticNames::give(const std::string& name) {
  if (const auto known = find(name)) return known;
  if (names_.size() >= kMost) return std::nullopt;
  names_.push_back(name);
  places_.emplace(name, names_.size() - 1);
  return address_at(names_.size() - 1);
}

std::optional<uint32_t> SyntheticNames::find(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return std::nullopt;
  return address_at(found->second);
}

std::optional<std::string> SyntheticNames::name_of(uint32_t address) const {
  if (address <= window_.base || address - window_.base > names_.size()) return std::nullopt;
  return names_.at(address - window_.base - 1);
}

std::string address_text(uint32_t address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8)
    text += std::to_string(address >> shift & 0xff) + (shift == 0 ? "" : ".");
  return text;
}

}  // namespace carrel::gateway
