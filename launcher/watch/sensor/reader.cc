#include "launcher/watch/sensor/reader.h"

#include <fcntl.h>

#include <utility>

#include "launcher/watch/sensor/decode.h"
#include "launcher/watch/sensor/path.h"
#include "launcher/watch/sensor/processes.h"
#include "launcher/watch/sensor/ring.h"

namespace carrel::sensor {

struct Reader::State {
  Dictionary directories;
  Processes processes;
  Counts recorded{};
  uint64_t malformed = 0;
  std::string cut;  // the beginning of a record whose rest is still to come

  void record(std::string_view bytes, std::vector<Observation>& out);
  bool take(const carrel_header& header, std::string_view bytes, std::vector<Observation>& out);
  bool directory(std::string_view bytes);
  bool exec(std::string_view bytes, Observation& out);
  bool file(std::string_view bytes, Observation& out);
  bool names(std::string_view bytes, Observation& out);
  bool connect(std::string_view bytes, Observation& out);
  bool refused(std::string_view bytes, Observation& out);
  std::string path(uint32_t dir, std::string_view name, Observation& out);
};

namespace {

ProcessKey key_of(const carrel_header& header) {
  return {header.tgid, header.start_ns};
}

bool is_of_channel(const carrel_header& header, std::string_view bytes) {
  if (header.type != CARREL_CONNECT) return false;
  const auto connect = fixed_part<carrel_connect>(bytes);
  return connect.has_value() && connect->channel != 0;
}

bool changes(uint32_t flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

}  // namespace

std::string Reader::State::path(uint32_t dir, std::string_view name, Observation& out) {
  Dictionary::Place place = directories.resolve(dir, name);
  out.path_known = out.path_known && place.known;
  return std::move(place.path);
}

bool Reader::State::directory(std::string_view bytes) {
  const auto dir = fixed_part<carrel_dir>(bytes);
  if (!dir) return false;
  const auto names = tail_part(bytes, sizeof *dir, dir->name_length);
  if (!names) return false;
  auto path = path_of_components(*names);
  if (!path) return false;
  const bool known = dir->flags == 0;
  directories.define(dir->id, {known ? *path : "?" + *path, known});
  return true;
}

bool Reader::State::exec(std::string_view bytes, Observation& out) {
  const auto exec = fixed_part<carrel_exec>(bytes);
  if (!exec) return false;
  const auto name = tail_part(bytes, sizeof *exec, exec->name_length);
  const auto argv = tail_part(bytes, sizeof *exec + exec->name_length, exec->argv_length);
  if (!name || !argv) return false;
  events::ProcessExec data;
  data.path = path(exec->dir, *name, out);
  data.argv = split_argv(*argv);
  data.argv_bytes = exec->argv_bytes;
  data.truncated = exec->argv_bytes > exec->argv_length;
  processes.exec(key_of(exec->header), data.path);
  out.process = processes.at(key_of(exec->header));
  out.intent = Intent::kLook;
  out.data = std::move(data);
  return true;
}

bool Reader::State::file(std::string_view bytes, Observation& out) {
  const auto file = fixed_part<carrel_file>(bytes);
  if (!file) return false;
  const auto name = tail_part(bytes, sizeof *file, file->name_length);
  if (!name) return false;
  std::string where = path(file->dir, *name, out);
  const uint64_t device = user_device(file->device);
  if (file->header.type == CARREL_CLOSE) {
    out.intent = Intent::kChange;
    out.data = events::FileClose{std::move(where), file->size, file->inode, device};
    return true;
  }
  out.intent = changes(file->flags) ? Intent::kChange : Intent::kLook;
  out.data = events::FileOpen{std::move(where), file->flags, file->created != 0, file->inode,
                              file->header.error == 0 ? device : 0};
  return true;
}

bool Reader::State::names(std::string_view bytes, Observation& out) {
  const auto names = fixed_part<carrel_names>(bytes);
  if (!names) return false;
  const auto name1 = tail_part(bytes, sizeof *names, names->length1);
  const auto name2 = tail_part(bytes, sizeof *names + names->length1, names->length2);
  if (!name1 || !name2) return false;
  out.call = names->call;
  out.intent = Intent::kChange;
  const std::string_view how = make_name(names->call);
  switch (names->header.type) {
    case CARREL_RENAME: {
      std::string from = path(names->dir1, *name1, out);
      out.data = events::FileRename{std::move(from), path(names->dir2, *name2, out)};
      return true;
    }
    case CARREL_UNLINK:
      out.data = events::FileUnlink{path(names->dir1, *name1, out)};
      return true;
    case CARREL_MAKE: {
      events::FileMake make{.path = "", .how = std::string(how), .target = ""};
      if (how == "symlink") make.target = *name1;
      if (how == "link") make.target = path(names->dir1, *name1, out);
      const bool two = how == "symlink" || how == "link";
      make.path = two ? path(names->dir2, *name2, out) : path(names->dir1, *name1, out);
      out.data = std::move(make);
      return true;
    }
    default:
      break;
  }
  out.intent = Intent::kLook;
  std::string where = path(names->dir1, *name1, out);
  if (names->header.type == CARREL_ENTER) out.data = events::FileEnter{std::move(where)};
  if (names->header.type == CARREL_PROBE) out.data = events::FileProbe{std::move(where)};
  if (names->header.type == CARREL_EXEC_FAILED) {
    out.data = events::ProcessExecFailed{std::move(where)};
  }
  return true;
}

bool Reader::State::connect(std::string_view bytes, Observation& out) {
  const auto connect = fixed_part<carrel_connect>(bytes);
  if (!connect) return false;
  const auto address = tail_part(bytes, sizeof *connect, connect->address_length);
  if (!address) return false;
  events::NetConnect data = decode_address(*address);
  if (connect->channel != 0) {
    out.channel = connect->channel;
    out.data = events::NetForward{data.address, data.port};
    return true;
  }
  if (data.family == "unix" && !data.address.empty() && data.address[0] != '@') {
    data.address = path(connect->dir, data.address, out);
  }
  out.data = std::move(data);
  return true;
}

bool Reader::State::refused(std::string_view bytes, Observation& out) {
  const auto refused = fixed_part<carrel_refused>(bytes);
  if (!refused) return false;
  RawCall raw{.number = refused->call, .result = refused->result, .args = {}};
  std::memcpy(raw.args.data(), refused->args, sizeof refused->args);
  if (refused->device != 0) raw.device = user_device(refused->device);
  out.call = refused->call;
  out.data = events::ProcessRefused{.call = "", .args = {raw.args.begin(), raw.args.end()}};
  out.raw = raw;
  return true;
}

bool Reader::State::take(const carrel_header& header, std::string_view bytes,
                         std::vector<Observation>& out) {
  if (header.type == CARREL_DIR) return directory(bytes);
  Observation seen;
  seen.mono_ns = header.time_ns;
  seen.error = header.error;
  // The server of an ssh connection is none of the workspace's processes.
  if (!is_of_channel(header, bytes)) seen.process = processes.at(key_of(header));
  bool good = true;
  switch (header.type) {
    case CARREL_EXEC:
      good = exec(bytes, seen);
      break;
    case CARREL_EXIT: {
      const auto exit = fixed_part<carrel_exit>(bytes);
      if (!exit) return false;
      if (!processes.exit(key_of(header))) return true;  // the second of two last threads
      const int32_t signal = static_cast<int32_t>(exit->code & 0x7F);
      const int32_t code = static_cast<int32_t>((exit->code >> 8) & 0xFF);
      seen.data = events::ProcessExit{signal == 0 ? code : 0, signal};
      break;
    }
    case CARREL_FORK: {
      const auto fork = fixed_part<carrel_fork>(bytes);
      if (!fork) return false;
      const uint32_t child =
          processes.fork(key_of(header), {fork->child_tgid, fork->child_start_ns});
      seen.data = events::ProcessFork{child, fork->child_tgid};
      break;
    }
    case CARREL_OPEN:
    case CARREL_CLOSE:
      good = file(bytes, seen);
      break;
    case CARREL_EXEC_FAILED:
    case CARREL_RENAME:
    case CARREL_UNLINK:
    case CARREL_MAKE:
    case CARREL_ENTER:
    case CARREL_PROBE:
      good = names(bytes, seen);
      break;
    case CARREL_CONNECT:
      good = connect(bytes, seen);
      break;
    case CARREL_REFUSED:
      good = refused(bytes, seen);
      break;
    case CARREL_FLOW: {
      const auto flow = fixed_part<carrel_flow>(bytes);
      if (!flow || flow->cookie == 0) return false;
      seen.data = events::NetConnect{};
      seen.cookie = flow->cookie;
      break;
    }
    default:
      return false;
  }
  if (good) out.push_back(std::move(seen));
  return good;
}

void Reader::State::record(std::string_view bytes, std::vector<Observation>& out) {
  const auto header = fixed_part<carrel_header>(bytes);
  const size_t type = header && header->type < CARREL_TYPES ? header->type : 0;
  ++recorded[type];
  if (!header || header->length != bytes.size() || bytes.size() > CARREL_RECORD_MAX ||
      !take(*header, bytes, out)) {
    ++malformed;
  }
}

Reader::Reader() : state_(std::make_unique<State>()) {}
Reader::Reader(Reader&&) noexcept = default;
Reader::~Reader() = default;

void Reader::feed(std::string_view framed, std::vector<Observation>& out) {
  State& state = *state_;
  const auto each = [&](std::string_view bytes) { state.record(bytes, out); };
  if (!state.cut.empty()) {
    state.cut.append(framed);
    framed = state.cut;
  }
  const size_t walked = for_each_record(framed, each);
  std::string rest(framed.substr(walked));
  // No record is that long: the stream is broken, and what follows cannot be told apart.
  if (rest.size() > CARREL_RECORD_MAX + Frame::kHeader + 8) {
    ++state.malformed;
    rest.clear();
  }
  state.cut = std::move(rest);
}

const Counts& Reader::recorded() const {
  return state_->recorded;
}
uint64_t Reader::malformed() const {
  return state_->malformed;
}

}  // namespace carrel::sensor
