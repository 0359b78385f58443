#pragma once
// Rows of the catalogue from the records themselves, after a crash or when the catalogue is lost.

#include <cstddef>

#include "broker/record/evidence/keys.h"
#include "broker/service/store/catalogue.h"
#include "broker/service/store/file_segment_store.h"

namespace carrel::store {

/// Reads one record and corrects `row`: times, counters, how it ended; what event 0 says about its
/// origin only where the row names no person, for it was the supervisor who wrote that; and the
/// state: closed with a finished last segment and a closing seal that `broker` countersigned, else
/// broken. A record that cannot be read leaves the row broken; never an Error of its own.
void row_from_record(const RecordFolder& records, const evidence::PublicKey& broker,
                     SessionRow& row);

/// Brings a catalogue up to the records when no session lives: adds rows of records it does not
/// know and ends rows that it believes running. Answers how many rows it wrote.
Result<size_t> rebuild(Catalogue& catalogue, const RecordFolder& records,
                       const evidence::PublicKey& broker);

}  // namespace carrel::store
