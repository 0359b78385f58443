#pragma once
// One event of every type, with awkward values; for tests only.

#include <vector>

#include "broker/record/events/event.h"

namespace carrel::events {

inline std::vector<Data> sample_data() {
  const std::string odd("n\xFF\x00\nq", 5);
  RecorderOpen open;
  open.profile_sha256 = std::string(32, '\x07');
  open.profile_canonical = R"({"profile":"demo"})";
  open.profile_name = "demo";
  open.profile_version = 3;
  open.task = "local/demo";
  open.workspace = "01k0000000000000000000000w";
  open.host = "host.test";
  open.person = "local:1000";
  open.mode = "root";
  open.sensor = "syscall";
  open.asked = "best";
  open.command = {"make", "-j2"};
  open.tty = true;
  open.assurance = {{"limits", true, ""}, {"disk-encrypted", false, "not built yet"}};
  open.rules = {{"repository:app:write:web", "write web", "demo.toml", 12},
                {"default:network", "no network", "", 0}};
  return {
      ProcessExec{"/usr/bin/cc", {"cc", "-o", "a b", odd}, 12, true},
      ProcessExecFailed{"/nowhere"},
      ProcessFork{7, 4242},
      ProcessExit{0, 9},
      ProcessExit{-1, 0},
      ProcessRefused{"keyctl", {0, UINT64_MAX, 5}},
      FileOpen{"/workspaces/app/web/a.c", 02000101, true, UINT64_MAX, 2049},
      FileClose{odd, 1U << 31, 5, 6},
      FileRename{"a", odd},
      FileUnlink{"/tmp/x"},
      FileMake{"/tmp/l", "symlink", "../../etc/shadow"},
      FileEnter{"/"},
      FileProbe{""},
      FileChanged{"web/a.c", "modified", std::string(32, 'b'), std::string(32, 'a'), 10, 0, 0100644,
                  0100755, "larger than 64 MiB"},
      NetConnect{"inet6", "2001:db8::1", 443},
      TerminalOutput{"pty", std::string("\x1B]52;c;\x00\x07", 9)},
      TerminalResize{80, 24},
      PolicyDisplaced{odd, "file"},
      Credential{"issued", "token", "l1", "https://a.test", 1764000000},
      Credential{"renewed", "token", "l2", "", 0},
      Credential{"ended", "token", "l2", "", 0},
      PolicyOrder{"paused", "local:0", "a question"},
      PolicyOrder{"resumed", "local:0", odd},
      PolicyOrder{"closed", "local:7", ""},
      PolicyTime{"warned", "idle_timeout", 60},
      PolicyTime{"over", "hours", 0},
      PolicyAgreed{"agreements/nda.md", 2, std::string(32, 'c'), 1'764'000'000'000'000'000, "typed",
                   "I agree"},
      TerminalOpened{"/bin/bash", "tty"},
      TerminalEnded{"command", 137},
      NetForward{"127.0.0.1", 3000},
      Limit{"hit", "memory", uint64_t{64} << 20, 66000000, 1, "/usr/bin/python3"},
      Limit{"near", "tmpfs", 1000, 901, 0, "/tmp"},
      Limit{"held", "host_disk", uint64_t{256} << 20, 1, 0, ""},
      Limit{"released", "host_disk", uint64_t{320} << 20, uint64_t{400} << 20, 0, ""},
      DnsQuery{4, odd, "A", "address", "allowed", "198.18.16.1", 3},
      NetOpen{4, "example.test", "198.18.16.1", 443, "inspect"},
      NetClose{4, "example.test", "192.0.2.9:443", 10, UINT64_MAX, "closed", odd, 7},
      NetRefused{"udp", "8.8.8.8", 443, 2},
      NetBudget{"near", "example.test", "up", 1000, 800, 4},
      NetBudget{"spent", "example.test", "down", 1000, 1000, 4},
      NetAnomaly{"burst", "example.test", "z 5.1"},
      TlsHello{4, "example.test", {"http/1.1", odd}, "t13d1516h2", ""},
      HttpRequest{4,
                  1,
                  "GET",
                  "example.test",
                  "/a",
                  {"page", odd},
                  std::string(32, 'q'),
                  200,
                  120,
                  5000,
                  "",
                  std::string(32, 'd'),
                  "",
                  "text/html",
                  2,
                  "l1",
                  ""},
      GrantChange{"requested", "g1", "network example.test:443", std::string(32, 't'), "local:1000",
                  "a test", 1'764'000'000'000'000'000},
      GrantChange{"approved", "g1", odd, "", "local:0", "", 0},
      GrantChange{"refused", "g1", "", "", "", "", 0},
      GrantChange{"ended", "g1", "", "", "", "", 0},
      open,
      RecorderLoss{12, {{"file.open", 3}, {"process.fork", 1}}},
      RecorderFreeze{1500},
      RecorderEnd{"command", 137, 100, 97, 3, {{"enoent", 12}}},
  };
}

/// Events 0 … of sample_data(), over and over, as a session would number and time them.
inline std::vector<Event> sample_events(size_t count) {
  const std::vector<Data> data = sample_data();
  std::vector<Event> events;
  for (size_t i = 0; i < count; ++i) {
    Event event;
    event.seq = i;
    event.mono_ns = 5'000'000'000 + i * 1'000'003;
    event.real_ns = 1'764'000'000'000'000'000 + i * 1'000'003;
    event.verdict = static_cast<Verdict>(1 + i % 3);
    if (i % 3 == 1) event.rule = "default:network";
    if (i % 4 != 0)
      event.process = Process{static_cast<uint32_t>(i % 7), static_cast<uint32_t>(1000 + i), 1,
                              i % 5 == 0 ? "" : "/bin/sh"};
    if (i % 6 == 5) event.error = 13;
    if (i % 11 == 0) event.channel = "c1";
    event.data = data[i % data.size()];
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace carrel::events
