/*
 * A span is a borrowed run of bytes: pointer and length, not terminated.
 * Everything that came from a wire or a file is looked at through spans.
 * A span never owns; whoever hands one out says how long it stays valid.
 *
 * Comparison "nocase" folds ASCII letters only, which is what mail protocols
 * mean by case-insensitive (RFC 5321 2.4, RFC 9051 9).
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *data;
	size_t size;
};

/* A span over a string literal; evaluates at compile time. */
#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })

/* Arguments for printf's "%.*s". Cuts at INT_MAX. */
#define SPAN_PRINT(s) ((int)((s).size > INT32_MAX ? INT32_MAX : (s).size)), \
	(s).data

/* The bytes of a NUL-terminated string; NULL gives the empty span. */
struct span
span_from(const char *string);

struct span
span_of(const void *data, size_t size);

bool
span_is_empty(struct span s);

bool
span_equals(struct span a, struct span b);

bool
span_equals_nocase(struct span a, struct span b);

bool
span_starts(struct span s, struct span prefix);

bool
span_starts_nocase(struct span s, struct span prefix);

bool
span_ends_nocase(struct span s, struct span suffix);

/* Byte order, shorter first where one is the other's prefix: <0, 0, >0. */
int
span_compare(struct span a, struct span b);

/* Without the first n bytes, or the first n bytes; n is cut to the size. */
struct span
span_skip(struct span s, size_t n);
struct span
span_first(struct span s, size_t n);

/* Without leading and trailing space, tab, CR and LF. */
struct span
span_trim(struct span s);

/* Position of the byte, or s.size when it is not there. */
size_t
span_find(struct span s, char c);

/* Position of the needle, or s.size. The empty needle is found at 0. */
size_t
span_search(struct span s, struct span needle);

/*
 * Cuts the piece before the next `separator` off *rest and returns it. The
 * last piece is what remains; after it *rest has data == NULL, which is how a
 * loop ends:
 *	while (span_split(&rest, ',', &piece)) ...
 */
bool
span_split(struct span *rest, char separator, struct span *piece);

/* The next word between blanks (space, tab, CR, LF); false when none is left. */
bool
span_word(struct span *rest, struct span *word);

/*
 * The whole span as a decimal number: digits only, no sign, no blank, not
 * above max. False when it is anything else.
 */
bool
span_to_number(struct span s, uint64_t max, uint64_t *number);

/* As above for lower or upper case hexadecimal digits. */
bool
span_to_hex_number(struct span s, uint64_t *number);

/* Exactly `size` bytes as twice so many hexadecimal digits. */
bool
span_to_hex_bytes(struct span s, uint8_t *out, size_t size);

char
span_lower_byte(char c);

#endif
