/* Where system users' mail is; see mail_location.h. */
#include "proto/mail_location.h"

#include "base/buffer.h"

/* ---- reading ---- */

static int
refuse(struct error *error, struct span found, const char *expected)
{
	return error_set(error, ERROR_USAGE,
		"mail_location: found \"%.*s\", expected %s",
		SPAN_PRINT(span_first(found, 100)), expected);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* After the '%' at data[at]: how many bytes the variable has; 0: it is none. */
static size_t
variable_size(struct span pattern, size_t at, char *name, unsigned *most)
{
	size_t size = 1;
	*most = 0;
	if (at + size < pattern.size && is_digit(pattern.data[at + size]))
		*most = (unsigned)(pattern.data[at + size++] - '0');
	if (at + size >= pattern.size)
		return 0;
	*name = pattern.data[at + size++];
	if (*name == '%' || *name == 'h')
		return size == 2 ? size : 0;
	if (size == 3 && *most == 0)
		return 0;
	return *name == 'u' || *name == 'n' || *name == 'd' ? size : 0;
}

/* No part of a path is "." or "..", so it leads where it says. */
static bool
has_dots(struct span path)
{
	struct span part;
	while (span_split(&path, '/', &part))
		if (span_equals(part, SPAN(".")) ||
		    span_equals(part, SPAN("..")))
			return true;
	return false;
}

static int
check_path(struct span path, struct error *error)
{
	char name;
	unsigned most;
	if (!span_starts(path, SPAN("/")) && !span_starts(path, SPAN("~/")) &&
	    !span_starts(path, SPAN("%h/")) && !span_equals(path, SPAN("~")) &&
	    !span_equals(path, SPAN("%h")))
		return refuse(error, path, "a path that begins with / or ~/");
	if (path.size > MAIL_LOCATION_PATH_LIMIT)
		return refuse(error, path, "a path of at most 1024 bytes");
	if (has_dots(path))
		return refuse(error, path, "a path without . and ..");
	for (size_t i = 0; i < path.size; i++) {
		if ((unsigned char)path.data[i] < ' ')
			return refuse(error, path, "a path without control "
				"characters");
		if (path.data[i] != '%')
			continue;
		size_t size = variable_size(path, i, &name, &most);
		/* the home is where a path begins */
		if (size == 0 || (name == 'h' && i > 0))
			return refuse(error, span_skip(path, i), "%u, %n, %d, "
				"%h at the beginning, %1n or %%");
		i += size - 1;
	}
	return 0;
}

/* Without it nothing of ours is there: Dovecot's own files. */
static bool
is_passed_over(struct span key)
{
	static const char *const names[] = { "INDEX", "INDEXPVT", "INDEXCACHE",
		"CONTROL", "VOLATILEDIR", "SUBSCRIPTIONS", "UTF-8",
		"ITERINDEX", "NO-NOSELECT" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equals(key, span_from(names[i])))
			return true;
	return false;
}

static int
read_option(struct mail_location *location, struct span option,
	struct error *error)
{
	struct span value = option, key;
	const struct span layout = location->kind == MAIL_LOCATION_MBOX ?
		SPAN("fs") : SPAN("Maildir++");
	span_split(&value, '=', &key);
	if (is_passed_over(key))
		return 0;
	if (location->kind == MAIL_LOCATION_NATIVE)
		return refuse(error, option, "nothing behind native:DIR");
	if (value.data != NULL && span_equals(key, SPAN("INBOX"))) {
		location->inbox = value;
		return check_path(value, error);
	}
	if (value.data == NULL || !span_equals(key, SPAN("LAYOUT")))
		return refuse(error, option, "INBOX=PATH");
	if (!span_equals_nocase(value, layout))
		return refuse(error, option, location->kind ==
			MAIL_LOCATION_MBOX ? "LAYOUT=fs" : "LAYOUT=Maildir++");
	return 0;
}

int
mail_location_parse(struct span text, struct mail_location *location,
	struct error *error)
{
	struct span rest = span_trim(text), word;
	*location = (struct mail_location){ .kind = MAIL_LOCATION_NATIVE };
	if (!span_split(&rest, ':', &word))
		word = SPAN("");
	bool is_native = span_equals(word, SPAN("native"));
	if (span_equals(word, SPAN("mbox")))
		location->kind = MAIL_LOCATION_MBOX;
	else if (span_equals(word, SPAN("maildir")))
		location->kind = MAIL_LOCATION_MAILDIR;
	else if (!is_native)
		return refuse(error, text,
			"native, mbox:DIRECTORY or maildir:DIRECTORY");
	if (span_split(&rest, ':', &location->directory)) {
		if (check_path(location->directory, error) < 0)
			return -1;
	} else if (!is_native) {
		return refuse(error, text, "a directory behind the colon");
	}
	while (span_split(&rest, ':', &word))
		if (read_option(location, word, error) < 0)
			return -1;
	return 0;
}

/* ---- for a user ---- */

/* So many characters of UTF-8 from the front; 0: all. */
static struct span
characters(struct span text, unsigned most)
{
	size_t size = 0;
	while (most > 0 && size < text.size) {
		size++;
		while (size < text.size && (text.data[size] & 0xc0) == 0x80)
			size++;
		most--;
	}
	return size == 0 ? text : span_first(text, size);
}

static bool
is_harmless(struct span value)
{
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] == '/' || (unsigned char)value.data[i] < ' ')
			return false;
	return value.size > 0;
}

static bool
add_variable(struct buffer *out, char name, unsigned most,
	const struct mail_location_user *user)
{
	struct buffer full;
	buffer_init(&full, 0);
	struct span value = name == 'd' ? user->domain : user->name;
	bool is_right = is_harmless(value);
	if (name == 'u' && user->domain.size > 0) {
		is_right = is_right && is_harmless(user->domain);
		buffer_print(&full, "%.*s@%.*s", SPAN_PRINT(user->name),
			SPAN_PRINT(user->domain));
		value = buffer_span(&full);
	}
	if (is_right)
		buffer_add(out, characters(value, most));
	buffer_fini(&full);
	return is_right;
}

static bool
expand(struct span pattern, const struct mail_location_user *user,
	struct buffer *out)
{
	char name = '\0';
	unsigned most;
	size_t i = 0;
	if (span_starts(pattern, SPAN("~"))) {
		buffer_add(out, user->home);
		i = 1;
	}
	for (; i < pattern.size; i++) {
		if (pattern.data[i] != '%') {
			buffer_add_byte(out, pattern.data[i]);
			continue;
		}
		size_t size = variable_size(pattern, i, &name, &most);
		if (size == 0)
			return false;
		if (name == '%')
			buffer_add_byte(out, '%');
		else if (name == 'h')
			buffer_add(out, user->home);
		else if (!add_variable(out, name, most, user))
			return false;
		i += size - 1;
	}
	return true;
}

int
mail_location_expand(struct span pattern,
	const struct mail_location_user *user, struct arena *arena,
	const char **path, struct error *error)
{
	struct buffer out;
	buffer_init(&out, MAIL_LOCATION_PATH_LIMIT * 2);
	bool is_right = span_starts(user->home, SPAN("/")) &&
		span_find(user->home, '\0') == user->home.size &&
		expand(pattern, user, &out) && !buffer_is_overrun(&out) &&
		!has_dots(buffer_span(&out));
	if (is_right)
		*path = arena_copy_string(arena, buffer_span(&out));
	buffer_fini(&out);
	return is_right ? 0 : error_set(error, ERROR_REFUSED,
		"mail_location: %.*s is no path of the user's",
		SPAN_PRINT(span_first(pattern, 100)));
}
