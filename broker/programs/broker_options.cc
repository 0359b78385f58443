#include "broker/programs/broker_options.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "profiles/base/text.h"

namespace carrel::programs {
namespace {

Result<uint32_t> number(std::string_view name, std::string_view text) {
  uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value > 0x7FFFFFFF) {
    return Error{std::string(name) + ": not a number: " + quoted(text)};
  }
  return value;
}

}  // namespace

Result<BrokerOptions> parse_broker_options(int argc, const char* const* argv) {
  BrokerOptions options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) return Error{std::string(name) + ": value missing"};
    ASSIGN_OR_RETURN(const uint32_t value, number(name, argv[i + 1]));
    if (name == "--listener-fd") {
      options.listener_fd = static_cast<int>(value);
    } else if (name == "--store-fd") {
      options.store_fd = static_cast<int>(value);
    } else if (name == "--launcher-fd") {
      options.launcher_fd = static_cast<int>(value);
    } else if (name == "--log-fd") {
      options.log_fd = static_cast<int>(value);
    } else if (name == "--secrets-fd") {
      options.secrets_fd = static_cast<int>(value);
    } else if (name == "--uid") {
      options.uid = value;
    } else if (name == "--caller") {
      options.caller = value;
    } else if (name == "--service" && value == 1) {
      options.service = true;
    } else {
      return Error{"unknown argument " + quoted(name)};
    }
  }
  if (options.listener_fd < 0 || options.store_fd < 0 || options.launcher_fd < 0) {
    return Error{"--listener-fd, --store-fd and --launcher-fd are required"};
  }
  if (options.caller.has_value() && options.uid != 0) {
    return Error{"--uid and --caller are for different brokers"};
  }
  if (options.caller.has_value() && options.service) {
    return Error{"--caller and --service are for different brokers"};
  }
  return options;
}

}  // namespace carrel::programs
