// A file in place of its numbers: "file" names it, and what comes back has "values", how many numbers stand in it, and
// "sha256" of its bytes instead of the numbers themselves. Sent again, these two must hold.
#pragma once

#include "api/conditions/conditions_json.h"
#include "api/conditions/object_reader.h"

namespace wobble::api {

/// Reads "file", which is `file`, with its "values" and "sha256"; null: there is none, and neither may be there.
FileTrace read_file_trace(ObjectReader& reader, const Json* file, Reading& reading);
FileTable read_file_table(ObjectReader& reader, const Json* file, Reading& reading);

void write_file(Json& out, const NamedFile& file, std::size_t values);

}  // namespace wobble::api
