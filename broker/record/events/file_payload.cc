#include "broker/record/events/file_payload.h"

namespace carrel::events {
namespace {

FileChanged file_changed(const pb::FileChanged& in) {
  FileChanged out;
  out.path = in.path();
  out.change = in.change();
  out.before_sha256 = in.before_sha256();
  out.after_sha256 = in.after_sha256();
  out.before_bytes = in.before_bytes();
  out.after_bytes = in.after_bytes();
  out.before_mode = in.before_mode();
  out.after_mode = in.after_mode();
  out.note = in.note();
  return out;
}

}  // namespace

Data file_data(const pb::Payload& in) {
  switch (in.data_case()) {
    case pb::Payload::kFileOpen: {
      const auto& from = in.file_open();
      return FileOpen{from.path(), from.flags(), from.created(), from.inode(), from.device()};
    }
    case pb::Payload::kFileClose: {
      const auto& from = in.file_close();
      return FileClose{from.path(), from.bytes(), from.inode(), from.device()};
    }
    case pb::Payload::kFileRename:
      return FileRename{in.file_rename().from(), in.file_rename().to()};
    case pb::Payload::kFileUnlink:
      return FileUnlink{in.file_unlink().path()};
    case pb::Payload::kFileMake:
      return FileMake{in.file_make().path(), in.file_make().how(), in.file_make().target()};
    case pb::Payload::kFileEnter:
      return FileEnter{in.file_enter().path()};
    case pb::Payload::kFileProbe:
      return FileProbe{in.file_probe().path()};
    default:
      return file_changed(in.file_changed());
  }
}

}  // namespace carrel::events
