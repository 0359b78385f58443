#pragma once
// Finds a lease in what a host answers: a service that echoes requests would show it to the
// workspace. As it is, in base64 (either alphabet, at any alignment), in hex of either case, and
// URL-encoded in whatever mixture, across the borders of buffers. Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::gateway::http {

/// Texts to look for, prepared: one step for each byte (Aho and Corasick, 1975).
class TextFinder {
 public:
  static constexpr size_t kMaxStates = 60000;
  using State = uint16_t;

  /// Texts that are not empty, together at most kMaxStates bytes.
  explicit TextFinder(const std::vector<std::string>& texts);

  [[nodiscard]] State next(State state, char c) const {
    return steps_[state][static_cast<unsigned char>(c)];
  }
  [[nodiscard]] bool is_found(State state) const { return found_[state]; }
  /// How many of the bytes before are the beginning of a text.
  [[nodiscard]] size_t depth(State state) const { return depth_[state]; }

 private:
  void add(const std::string& text);
  void link();

  std::vector<std::array<State, 256>> steps_;
  std::vector<bool> found_;
  std::vector<uint16_t> depth_;
};

/// One secret in all its forms; made once, shared by the scanners of a session's connections.
class SecretForms {
 public:
  /// Of a long secret its last 48 bytes stand for the whole: its first ones may be a token's common
  /// header. EINVAL for one of less than 8 bytes.
  static Result<std::shared_ptr<const SecretForms>> create(const Secret& secret);

 private:
  friend class SecretScanner;
  explicit SecretForms(std::string_view needle);

  TextFinder exact_;    // as it is, and base64
  TextFinder decoded_;  // as it is, in a stream whose escapes are undone
  TextFinder hex_;      // lower case, in a stream in lower case
};

/// Reads one stream: the fields of a head, or a body's content.
class SecretScanner {
 public:
  explicit SecretScanner(std::shared_ptr<const SecretForms> forms) : forms_(std::move(forms)) {}

  /// True once the secret was seen in the bytes so far; it stays so.
  bool add(std::string_view bytes);

  /// How many of the last bytes may be the beginning of the secret: a bound, which may be more than
  /// there were (every one of them may be an escape of three). Who holds them back until the
  /// next add(), or until the stream ends, never sends a found secret whole, nor any of its last 48
  /// bytes in one of the forms.
  [[nodiscard]] size_t held() const;

 private:
  void add_decoded(char c);

  std::shared_ptr<const SecretForms> forms_;
  bool found_ = false;
  TextFinder::State exact_ = 0;
  TextFinder::State decoded_ = 0;
  TextFinder::State hex_ = 0;
  std::string escape_;  // "%" and what came of it
};

}  // namespace carrel::gateway::http
