#include "launcher/watch/notify/records.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "launcher/watch/sensor/ring.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {
namespace {

using sensor::Frame;

uint32_t kernel_device(dev_t device) {
  return major(device) << 20 | minor(device);
}

/// A name as it goes on the wire: absolute ones belong to the root, others to no known folder.
struct WireName {
  uint32_t dir = CARREL_DIR_UNKNOWN;
  std::string_view text;
};

WireName wire_name(const PathName& path) {
  const std::string_view text = path.text;
  if (text.size() > CARREL_NAME_MAX) return {CARREL_DIR_UNKNOWN, text.substr(0, CARREL_NAME_MAX)};
  return {path.known ? CARREL_DIR_ROOT : CARREL_DIR_UNKNOWN, text};
}

/// Fills the header in and puts the frame around.
template <typename Fixed>
std::string framed(uint16_t type, const Stamp& stamp, Fixed fixed, std::string_view tail1 = {},
                   std::string_view tail2 = {}) {
  const size_t size = sizeof fixed + tail1.size() + tail2.size();
  fixed.header.type = type;
  fixed.header.length = static_cast<uint16_t>(size);
  fixed.header.error = stamp.error;
  fixed.header.tgid = stamp.tgid;
  fixed.header.tid = stamp.tid;
  fixed.header.time_ns = stamp.time_ns;
  fixed.header.start_ns = stamp.start_ns;
  const auto length = static_cast<uint32_t>(size);
  std::string out(Frame::of(length).total, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  char* at = out.data() + Frame::kHeader;
  std::memcpy(at, &fixed, sizeof fixed);
  at = std::copy(tail1.begin(), tail1.end(), at + sizeof fixed);
  std::copy(tail2.begin(), tail2.end(), at);
  return out;
}

}  // namespace

std::string exec_record(const Stamp& stamp, const PathName& path, std::string_view argv,
                        uint64_t argv_bytes, const FileId& file) {
  const WireName name = wire_name(path);
  carrel_exec fixed{};
  fixed.dir = name.dir;
  fixed.argv_bytes = static_cast<uint32_t>(std::min<uint64_t>(argv_bytes, UINT32_MAX));
  fixed.inode = file.inode;
  fixed.device = kernel_device(file.device);
  fixed.name_length = static_cast<uint16_t>(name.text.size());
  argv = argv.substr(0, CARREL_ARGV_MAX);
  fixed.argv_length = static_cast<uint16_t>(argv.size());
  return framed(CARREL_EXEC, stamp, fixed, name.text, argv);
}

std::string open_record(const Stamp& stamp, const PathName& path, uint32_t flags, bool created,
                        const FileId& file) {
  const WireName name = wire_name(path);
  carrel_file fixed{};
  fixed.dir = name.dir;
  fixed.flags = flags;
  fixed.inode = file.inode;
  fixed.device = kernel_device(file.device);
  fixed.name_length = static_cast<uint16_t>(name.text.size());
  fixed.created = created ? 1 : 0;
  return framed(CARREL_OPEN, stamp, fixed, name.text);
}

std::string name_record(uint16_t type, const Stamp& stamp, uint32_t call, const PathName& path) {
  const WireName name = wire_name(path);
  carrel_names fixed{};
  fixed.dir1 = name.dir;
  fixed.dir2 = CARREL_DIR_UNKNOWN;
  fixed.length1 = static_cast<uint16_t>(name.text.size());
  fixed.call = static_cast<uint16_t>(call);
  return framed(type, stamp, fixed, name.text);
}

std::string names_record(uint16_t type, const Stamp& stamp, uint32_t call, const PathName& first,
                         const PathName& second) {
  const WireName name1 = wire_name(first);
  const WireName name2 = wire_name(second);
  carrel_names fixed{};
  fixed.dir1 = name1.dir;
  fixed.dir2 = name2.dir;
  fixed.length1 = static_cast<uint16_t>(name1.text.size());
  fixed.length2 = static_cast<uint16_t>(name2.text.size());
  fixed.call = static_cast<uint16_t>(call);
  return framed(type, stamp, fixed, name1.text, name2.text);
}

std::string connect_record(const Stamp& stamp, std::string_view address, uint32_t channel) {
  carrel_connect fixed{};
  fixed.dir = CARREL_DIR_ROOT;
  address = address.substr(0, CARREL_NAME_MAX);
  fixed.address_length = static_cast<uint16_t>(address.size());
  fixed.channel = channel;
  return framed(CARREL_CONNECT, stamp, fixed, address);
}

std::string flow_record(const Stamp& stamp, uint64_t cookie) {
  carrel_flow fixed{};
  fixed.cookie = cookie;
  return framed(CARREL_FLOW, stamp, fixed);
}

std::string refused_record(const Stamp& stamp, uint32_t call, const std::array<uint64_t, 6>& args) {
  carrel_refused fixed{};
  fixed.result = -int64_t{stamp.error};
  std::copy(args.begin(), args.end(), fixed.args);
  fixed.call = call;
  return framed(CARREL_REFUSED, stamp, fixed);
}

std::string fork_record(const Stamp& stamp, uint32_t child_tgid, uint64_t child_start_ns) {
  carrel_fork fixed{};
  fixed.child_tgid = child_tgid;
  fixed.child_start_ns = child_start_ns;
  return framed(CARREL_FORK, stamp, fixed);
}

uint16_t type_of(std::string_view framed) {
  uint16_t type = 0;
  if (framed.size() >= Frame::kHeader + sizeof type) {
    std::memcpy(&type, framed.data() + Frame::kHeader, sizeof type);
  }
  return type;
}

}  // namespace carrel::notify
