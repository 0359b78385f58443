#include "launcher/gateway/tls/client_hello.h"

#include <algorithm>
#include <optional>

#include "launcher/gateway/dns/name.h"

namespace carrel::gateway {
namespace {

constexpr size_t kRecordHead = 5;
constexpr size_t kMessageHead = 4;
constexpr size_t kMaxFragment = size_t{1} << 14;  // RFC 8446 5.1
constexpr unsigned char kChangeCipherSpec = 20;
constexpr unsigned char kHandshake = 22;
constexpr unsigned char kApplicationData = 23;
constexpr unsigned char kClientHello = 1;
constexpr unsigned char kMajorVersion = 3;

constexpr uint16_t kServerName = 0;
constexpr uint16_t kSignatureAlgorithms = 13;
constexpr uint16_t kAlpn = 16;
constexpr uint16_t kSupportedVersions = 43;

using Parsed = std::variant<HelloRefusal, ClientHello>;
using Refusal = std::optional<HelloRefusal>;

unsigned char byte_at(std::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

HelloRefusal malformed(std::string_view what) {
  return {"malformed", "the TLS client hello has a malformed " + std::string(what)};
}

/// Reads on from the front; once something is missing, all that follows is 0 and empty.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  std::string_view take(size_t size) {
    if (!ok || rest.size() < size) {
      ok = false;
      rest = {};
      return {};
    }
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  size_t number(size_t bytes) {
    size_t value = 0;
    for (const char c : take(bytes))
      value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view counted(size_t length_bytes) { return take(number(length_bytes)); }
  [[nodiscard]] bool at_end() const { return ok && rest.empty(); }
};

/// A list of 16-bit numbers that is not empty; nothing for any other bytes.
std::optional<std::vector<uint16_t>> numbers(std::string_view bytes) {
  if (bytes.empty() || bytes.size() % 2 != 0) return std::nullopt;
  std::vector<uint16_t> out;
  for (Cursor cursor{bytes}; !cursor.at_end();)
    out.push_back(static_cast<uint16_t>(cursor.number(2)));
  return out;
}

/// The same behind its own length, with nothing after it.
std::optional<std::vector<uint16_t>> counted_numbers(std::string_view data, size_t length_bytes) {
  Cursor cursor{data};
  const std::string_view list = cursor.counted(length_bytes);
  if (!cursor.at_end()) return std::nullopt;
  return numbers(list);
}

/// draft-ietf-tls-esni: its final number, those of earlier drafts, and what only an inner hello
/// has.
bool is_ech(uint16_t extension) {
  constexpr uint16_t kEncryptedServerName = 0xffce;
  constexpr uint16_t kOuterExtensions = 0xfd00;
  return (extension >= 0xfe08 && extension <= 0xfe0d) || extension == kEncryptedServerName ||
         extension == kOuterExtensions;
}

struct Extension {
  uint16_t type;
  std::string_view data;
};

/// What a hello is made of before anybody asks what it means.
struct Frame {
  uint16_t legacy_version = 0;
  std::vector<uint16_t> ciphers;
  std::vector<Extension> extensions;

  [[nodiscard]] const Extension* find(uint16_t type) const {
    const auto found = std::find_if(extensions.begin(), extensions.end(),
                                    [type](const Extension& e) { return e.type == type; });
    return found == extensions.end() ? nullptr : &*found;
  }
};

Refusal read_extensions(std::string_view list, Frame& frame) {
  for (Cursor cursor{list}; !cursor.at_end();) {
    const auto type = static_cast<uint16_t>(cursor.number(2));
    frame.extensions.push_back({type, cursor.counted(2)});
    if (!cursor.ok) return malformed("list of extensions");
  }
  std::vector<uint16_t> types;
  for (const Extension& each : frame.extensions)
    types.push_back(each.type);
  std::sort(types.begin(), types.end());
  if (std::adjacent_find(types.begin(), types.end()) != types.end())
    return HelloRefusal{"repeated", "the TLS client hello has an extension twice"};
  return std::nullopt;
}

Refusal read_frame(std::string_view body, Frame& frame) {
  constexpr size_t kRandom = 32;
  constexpr size_t kMaxSessionId = 32;
  Cursor cursor{body};
  frame.legacy_version = static_cast<uint16_t>(cursor.number(2));
  cursor.take(kRandom);
  const std::string_view session_id = cursor.counted(1);
  const std::string_view ciphers = cursor.counted(2);
  const std::string_view compression = cursor.counted(1);
  if (!cursor.ok || frame.legacy_version >> 8 != kMajorVersion ||
      session_id.size() > kMaxSessionId || compression.empty())
    return malformed("head");
  auto suites = numbers(ciphers);
  if (!suites.has_value()) return malformed("list of ciphers");
  frame.ciphers = std::move(*suites);
  if (cursor.at_end()) return std::nullopt;  // RFC 5246 7.4.1.2: extensions may be missing
  const std::string_view extensions = cursor.counted(2);
  if (!cursor.at_end()) return malformed("length");
  return read_extensions(extensions, frame);
}

/// RFC 6066 3: one name, a host's, without a dot at the end; upper case is the same name.
Refusal read_server_name(const Frame& frame, std::string& sni) {
  const Extension* extension = frame.find(kServerName);
  if (extension == nullptr)
    return HelloRefusal{"sni-missing", "the TLS client names no server (no SNI)"};
  Cursor outer{extension->data};
  Cursor list{outer.counted(2)};
  constexpr size_t kHostName = 0;
  const size_t kind = list.number(1);
  const std::string_view name = list.counted(2);
  if (!outer.at_end() || !list.ok) return malformed("server name");
  if (!list.at_end()) return HelloRefusal{"repeated", "the TLS client names more than one server"};
  auto canonical = canonical_name(name);
  if (kind != kHostName || name.ends_with('.') || !canonical.ok())
    return HelloRefusal{"sni-bad", "the TLS client's server name (SNI) is no host's name"};
  sni = canonical.take();
  return std::nullopt;
}

Refusal read_alpn(const Frame& frame, std::vector<std::string>& alpn) {
  const Extension* extension = frame.find(kAlpn);
  if (extension == nullptr) return std::nullopt;
  Cursor outer{extension->data};
  Cursor list{outer.counted(2)};
  if (!outer.at_end() || list.rest.empty()) return malformed("list of protocols");
  while (!list.at_end()) {
    const std::string_view protocol = list.counted(1);
    if (protocol.empty()) return malformed("list of protocols");
    alpn.emplace_back(protocol);
  }
  return std::nullopt;
}

Refusal read_versions(const Frame& frame, std::vector<uint16_t>& versions) {
  versions = {frame.legacy_version};
  const Extension* extension = frame.find(kSupportedVersions);
  if (extension == nullptr) return std::nullopt;
  auto offered = counted_numbers(extension->data, 1);
  if (!offered.has_value()) return malformed("list of versions");
  versions = std::move(*offered);
  versions.erase(std::remove_if(versions.begin(), versions.end(), is_grease), versions.end());
  return std::nullopt;
}

Refusal read_signature_algorithms(const Frame& frame, std::vector<uint16_t>& algorithms) {
  const Extension* extension = frame.find(kSignatureAlgorithms);
  if (extension == nullptr) return std::nullopt;
  auto offered = counted_numbers(extension->data, 2);
  if (!offered.has_value()) return malformed("list of signature algorithms");
  algorithms = std::move(*offered);
  return std::nullopt;
}

Parsed parse_hello(std::string_view body) {
  Frame frame;
  if (auto refused = read_frame(body, frame)) return *refused;
  ClientHello hello;
  HelloTraits traits;
  if (auto refused = read_alpn(frame, hello.alpn)) return *refused;
  if (auto refused = read_versions(frame, hello.versions)) return *refused;
  if (auto refused = read_signature_algorithms(frame, traits.signature_algorithms)) return *refused;
  if (auto refused = read_server_name(frame, hello.sni)) return *refused;
  for (const Extension& each : frame.extensions) {
    traits.extensions.push_back(each.type);
    hello.has_ech = hello.has_ech || is_ech(each.type);
  }
  const auto highest = std::max_element(hello.versions.begin(), hello.versions.end());
  traits.version = highest == hello.versions.end() ? uint16_t{0} : *highest;
  traits.has_sni = true;
  traits.ciphers = std::move(frame.ciphers);
  if (!hello.alpn.empty()) traits.first_alpn = hello.alpn.front();
  hello.fingerprint = ja4(traits);
  return hello;
}

bool is_content_type(unsigned char type) {
  return type >= kChangeCipherSpec && type <= kApplicationData;
}

/// Whether the bytes at the very front can begin a hello; nothing while that is open.
Refusal judge_start(std::string_view rest) {
  constexpr unsigned char kTwoByteHead = 0x80;  // RFC 5246 E.2
  if ((byte_at(rest, 0) & kTwoByteHead) != 0) {
    if (rest.size() < 3) return std::nullopt;
    if (byte_at(rest, 2) == kClientHello)
      return HelloRefusal{"sslv2", "the client speaks SSL 2.0, which nobody may"};
  }
  const HelloRefusal not_tls{"not-tls", "the client does not speak TLS"};
  if (!is_content_type(byte_at(rest, 0))) return not_tls;
  if (rest.size() < 2) return std::nullopt;
  if (byte_at(rest, 1) != kMajorVersion) return not_tls;
  if (byte_at(rest, 0) != kHandshake)
    return HelloRefusal{"not-hello", "the client does not begin with a TLS client hello"};
  return std::nullopt;
}

Refusal judge_next(std::string_view rest) {
  if (byte_at(rest, 0) != kHandshake || (rest.size() > 1 && byte_at(rest, 1) != kMajorVersion))
    return malformed("order of records");
  return std::nullopt;
}

}  // namespace

void ClientHelloReader::refuse(std::string_view reason, std::string_view sentence) {
  state_ = HelloRefusal{reason, std::string(sentence)};
}

const ClientHelloReader::State& ClientHelloReader::add(std::string_view more) {
  if (!std::holds_alternative<NeedMore>(state_)) return state_;
  if (more.size() > room()) {
    refuse("too-long", "the TLS client hello is longer than 64 KiB");
    return state_;
  }
  raw_ += more;
  while (std::holds_alternative<NeedMore>(state_) && take_record()) {
  }
  return state_;
}

/// Takes one whole record; false when there is none.
bool ClientHelloReader::take_record() {
  const std::string_view rest = std::string_view(raw_).substr(at_);
  if (rest.empty()) return false;
  if (auto refused = at_ == 0 ? judge_start(rest) : judge_next(rest)) {
    state_ = std::move(*refused);
    return false;
  }
  if (rest.size() < kRecordHead) return false;
  const size_t size = Cursor{rest.substr(3)}.number(2);
  if (size == 0 || size > kMaxFragment) {
    state_ = malformed("record");
    return false;
  }
  if (rest.size() < kRecordHead + size) return false;
  message_ += rest.substr(kRecordHead, size);
  at_ += kRecordHead + size;
  judge_message();
  return true;
}

void ClientHelloReader::judge_message() {
  if (byte_at(message_, 0) != kClientHello)
    return refuse("not-hello", "the client does not begin with a TLS client hello");
  if (message_.size() < kMessageHead) return;
  const size_t size = Cursor{std::string_view(message_).substr(1)}.number(3);
  if (size > kMaxBytes) return refuse("too-long", "the TLS client hello is longer than 64 KiB");
  if (message_.size() < kMessageHead + size) return;
  const bool another_record = at_ < raw_.size() && byte_at(raw_, at_) == kHandshake;
  if (message_.size() > kMessageHead + size || another_record)
    return refuse("not-alone", "the client sends a second handshake message before any answer");
  Parsed parsed = parse_hello(std::string_view(message_).substr(kMessageHead));
  if (auto* refused = std::get_if<HelloRefusal>(&parsed))
    state_ = std::move(*refused);
  else
    state_ = std::get<ClientHello>(std::move(parsed));
}

PassthroughCheck check_passthrough(const ClientHello& hello, std::string_view name) {
  if (hello.sni.empty())
    return HelloRefusal{"sni-missing", "the TLS client names no server (no SNI)"};
  if (hello.sni != name)
    return HelloRefusal{
        "sni-other", "the TLS client asks for " + hello.sni + " and dialled " + std::string(name)};
  if (hello.has_ech)
    return HelloRefusal{"ech", "the TLS client may hide another name (encrypted client hello)"};
  return std::monostate();
}

}  // namespace carrel::gateway
