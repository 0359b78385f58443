#pragma once
// The addresses of a workspace's network namespace and the rules of its packet filter, as text.
// Pure.

#include <cstdint>
#include <string>

namespace carrel::network {

/// What the workspace's own sockets are called by where they choose no address: TEST-NET-1 and the
/// documentation prefix (RFC 5737, RFC 3849), which are no host's.
inline constexpr const char* kOwnV4 = "192.0.2.2";
inline constexpr const char* kOwnV6 = "2001:db8:6b::2";
/// Where the gateway listens. Below port 1024: the workspace can neither bind it nor be in its way.
inline constexpr const char* kListenerV4 = "192.0.2.1";
inline constexpr uint16_t kListenerPort = 9;
inline constexpr uint16_t kDnsPort = 53;
/// All synthetic addresses of all workspaces (RFC 2544).
inline constexpr const char* kSynthetic = "198.18.0.0/15";
/// Where refused packets are told of (nfnetlink_log).
inline constexpr uint16_t kLogGroup = 7;

/// For nft(8): TCP to synthetic addresses goes to the gateway's listener with its destination kept
/// (tproxy); loopback, the workspace's own address and port 53 stay open; every other beginning of
/// a TCP connection is reset, every other UDP packet refused, both told to the log group at a
/// bounded rate. No connection tracking, no marks.
std::string steering_rules();

}  // namespace carrel::network
