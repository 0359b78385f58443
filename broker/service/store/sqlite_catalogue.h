#pragma once
// The catalogue of a standalone broker: one SQLite file.

#include <memory>
#include <string>

#include "broker/service/store/catalogue.h"

namespace carrel::store {

struct OpenedCatalogue {
  std::unique_ptr<Catalogue> catalogue;
  /// True when there was no usable catalogue: its sessions have to be rebuilt from the records.
  bool fresh = false;
  /// Why a file that was there could not be used; it is kept beside, as `<path>.unusable`.
  std::string unusable;
};

/// Opens or makes the catalogue at `path`. Write-ahead log with `synchronous = NORMAL`: after a
/// power cut it is consistent but may lack the last rows, which the records have. Temporary tables
/// stay in memory, so no path but `path` and its `-wal` and `-shm` is ever opened. A file of
/// another schema version, or one that fails SQLite's quick check, is put aside and made anew.
Result<OpenedCatalogue> open_sqlite_catalogue(const std::string& path);

}  // namespace carrel::store
