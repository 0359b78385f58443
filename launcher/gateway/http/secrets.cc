#include "launcher/gateway/http/secrets.h"

#include <algorithm>
#include <cerrno>
#include <deque>

#include "launcher/gateway/http/text.h"
#include "profiles/base/check.h"
#include "profiles/base/header_secret.h"
#include "profiles/base/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kNeedle = 48;

/// The characters of base64 that depend on the needle alone when `before` bytes stand before it.
std::string base64_core(std::string_view needle, size_t before) {
  const std::string encoded = to_base64(std::string(before, '\0') + std::string(needle));
  const size_t first = (before * 8 + 5) / 6;
  const size_t end = (before + needle.size()) * 8 / 6;
  return encoded.substr(first, end - first);
}

std::string url_alphabet(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::vector<std::string> exact_forms(std::string_view needle) {
  std::vector<std::string> forms = {std::string(needle)};
  for (const size_t before : {size_t{0}, size_t{1}, size_t{2}}) {
    forms.push_back(base64_core(needle, before));
    forms.push_back(url_alphabet(forms.back()));
  }
  return forms;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

TextFinder::TextFinder(const std::vector<std::string>& texts) {
  steps_.emplace_back();
  found_.push_back(false);
  depth_.push_back(0);
  for (const std::string& text : texts)
    add(text);
  link();
}

void TextFinder::add(const std::string& text) {
  CHECK(!text.empty());
  State state = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (steps_[state][byte] == 0) {
      CHECK(steps_.size() < kMaxStates);
      steps_[state][byte] = static_cast<State>(steps_.size());
      depth_.push_back(static_cast<uint16_t>(depth_[state] + 1));
      found_.push_back(false);
      steps_.emplace_back();
    }
    state = steps_[state][byte];
  }
  found_[state] = true;
}

/// Where a text breaks off, its longest end that begins another one goes on (breadth first, so that
/// shorter states are ready before longer ones ask for them).
void TextFinder::link() {
  std::vector<State> fallback(steps_.size(), 0);
  std::deque<State> queue = {0};
  while (!queue.empty()) {
    const State state = queue.front();
    queue.pop_front();
    for (size_t byte = 0; byte < 256; ++byte) {
      State& step = steps_[state][byte];
      const State other = state == 0 ? State{0} : steps_[fallback[state]][byte];
      if (step == 0) {
        step = other;
        continue;
      }
      fallback[step] = other;
      if (found_[other]) found_[step] = true;
      queue.push_back(step);
    }
  }
}

SecretForms::SecretForms(std::string_view needle)
    : exact_(exact_forms(needle)), decoded_({std::string(needle)}), hex_({to_hex(needle)}) {}

Result<std::shared_ptr<const SecretForms>> SecretForms::create(const Secret& secret) {
  const std::string_view bytes = secret.expose();
  if (bytes.size() < kMinHeaderSecret)
    return Error{"look for a secret of less than 8 bytes", EINVAL};
  const std::string_view needle = bytes.substr(bytes.size() - std::min(bytes.size(), kNeedle));
  return std::shared_ptr<const SecretForms>(
      new SecretForms(needle));  // NOLINT: private constructor
}

bool SecretScanner::add(std::string_view bytes) {
  for (const char c : bytes) {
    if (found_) break;
    exact_ = forms_->exact_.next(exact_, c);
    hex_ = forms_->hex_.next(hex_, lower(c));
    add_decoded(c);
    found_ = found_ || forms_->exact_.is_found(exact_) || forms_->hex_.is_found(hex_);
  }
  return found_;
}

/// "%41" counts as "A", whichever bytes are written so; what is no escape counts as it is.
void SecretScanner::add_decoded(char c) {
  const auto step = [this](char byte) {
    decoded_ = forms_->decoded_.next(decoded_, byte);
    found_ = found_ || forms_->decoded_.is_found(decoded_);
  };
  if (!escape_.empty() && !hex_value(c)) {
    for (const char held : escape_)
      step(held);
    escape_.clear();
  }
  if (escape_.empty() && c != '%') return step(c);
  escape_ += c;
  if (escape_.size() < 3) return;
  step(static_cast<char>(*hex_value(escape_[1]) * 16 + *hex_value(escape_[2])));
  escape_.clear();
}

size_t SecretScanner::held() const {
  const size_t decoded = forms_->decoded_.depth(decoded_) * 3 + escape_.size();
  return std::max({decoded, forms_->exact_.depth(exact_), forms_->hex_.depth(hex_)});
}

}  // namespace carrel::gateway::http
