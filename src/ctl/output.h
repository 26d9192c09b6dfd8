/*
 * Lists for people and for programs: rows of key=value, shown as a table with
 * aligned columns or, with --json, as an array of objects.
 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include "base/arena.h"
#include "base/span.h"

enum { OUTPUT_COLUMNS = 32 };

struct output;

/* `columns` are the keys to show, in order, ended by NULL; headings are the
 * keys in capitals. */
struct output *
output_new(bool json, const char *const *columns);

/* A new row; then its values. A key that is no column is only in the JSON. */
void
output_row(struct output *output);
void
output_text(struct output *output, const char *key, struct span value);
void
output_number(struct output *output, const char *key, int64_t value);

/* Prints everything to standard output and frees. */
void
output_end(struct output **output);

#endif
