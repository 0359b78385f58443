#include "profiles/parse/not_yet.h"

#include <array>

namespace carrel::parse {
namespace {

constexpr std::array kNotYet = {
    NotYet{"purpose.recipients", "", "organisations are not checked"},
    NotYet{"purpose.jurisdictions", "", "nobody's jurisdiction is registered"},
    NotYet{"session.start_after", "sealed", "work begins when recorded"},
    NotYet{"session.start_after", "anchored", "work begins when recorded"},
    NotYet{"session.start_after", "witnessed", "work begins when recorded"},
    NotYet{"session.keystrokes", "lengths", "keystrokes are not recorded"},
    NotYet{"session.keystrokes", "full", "keystrokes are not recorded"},
    NotYet{"session.on_record_failure", "freeze", "a session that cannot be recorded ends"},
    NotYet{"repository.history", "squashed", "slices have no past"},
    NotYet{"repository.history", "filtered", "slices have no past"},
    NotYet{"repository.enforce", "bind", "read entries cannot choose how they are kept"},
    NotYet{"repository.enforce", "gate", "read entries cannot choose how they are kept"},
    NotYet{"repository.submit", "", "nothing goes back to the repository"},
    NotYet{"interface", "", "stand-ins are not made"},
    NotYet{"network.mode", "ssh", "ssh is not relayed"},
    NotYet{"credential.kind", "ssh-certificate", "ssh is not relayed"},
    NotYet{"toolchain.root", "*", "programs come from the host"},
    NotYet{"toolchain.packages", "", "packages are not built in"},
    NotYet{"retention.record", "", "records are kept until somebody removes them"},
    NotYet{"retention.contents", "", "contents are kept as long as their record"},
    NotYet{"service", "", "reserved"},
    NotYet{"stage", "", "reserved"},
    NotYet{"editor", "", "reserved"},
    NotYet{"review", "", "reserved"},
    NotYet{"record", "", "reserved"},
    NotYet{"env", "", "reserved"},
    NotYet{"grants", "", "reserved"},
};

}  // namespace

std::span<const NotYet> not_yet() {
  return kNotYet;
}

}  // namespace carrel::parse
