/*
 * Reading a passwd-file. A damaged line is told and passed over: the others'
 * mail goes on. Runs in auth.
 */
#include "auth/passwd_file.h"

#include <openssl/crypto.h>

#include "auth/hash.h"
#include "base/map.h"
#include "base/memory.h"

struct passwd_file {
	struct arena arena;		/* of the entries */
	struct map names;		/* normalised -> struct passwd_entry */
	struct buffer order;		/* pointers to them */
	size_t count;
	bool has_hashes;
};

/* ---- lines ---- */

/* Dovecot narrows or denies logins with these. To let somebody in because the
 * field is not understood would be the wrong way to fail. */
static const char *
find_forbidding(struct span extra)
{
	static const char *const words[] = { "nologin", "nopassword",
		"allow_nets", "allow_real_nets", "proxy", "proxy_maybe", "pass",
		"master_user" };
	struct span word;
	while (span_word(&extra, &word)) {
		struct span key = span_first(word, span_find(word, '='));
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (span_equals_nocase(key, span_from(words[i])))
				return words[i];
	}
	return NULL;
}

enum passwd_line_verdict
passwd_line_parse(struct span line, struct passwd_line *out)
{
	struct span rest = line, field;
	*out = (struct passwd_line){ .forbids = NULL };
	if (span_ends_nocase(rest, SPAN("\r")))
		rest = span_first(rest, rest.size - 1);
	struct span text = span_trim(rest);
	if (text.size == 0 || text.data[0] == '#')
		return PASSWD_LINE_EMPTY;
	if (line.size > PASSWD_LINE_LIMIT ||
		span_find(rest, '\0') < rest.size ||
		span_find(rest, ':') == rest.size)
		return PASSWD_LINE_BAD;
	span_split(&rest, ':', &out->user);
	if (!span_split(&rest, ':', &out->password))
		out->password = SPAN("");
	/* uid, gid, gecos, home, shell; what is left may have colons in it */
	for (int i = 0; i < 5; i++)
		if (!span_split(&rest, ':', &field))
			break;
	out->forbids = find_forbidding(rest);
	return out->user.size > 0 && span_trim(out->user).size ==
		out->user.size ? PASSWD_LINE_OK : PASSWD_LINE_BAD;
}

/* ---- files ---- */

static void
add_secret(struct passwd_file *file, const struct passwd_line *line,
	struct passwd_entry *entry, struct error *error)
{
	struct hash hash;
	if (line->forbids != NULL) {
		error_set(error, ERROR_USAGE, "the field %s is not understood "
			"here: the user cannot log in", line->forbids);
		return;
	}
	if (hash_parse(line->password, &hash, error) != 0)
		return;
	entry->has_password = true;
	entry->has_keys = hash_get_keys(&hash, &entry->keys);
	if (!entry->has_keys) {
		entry->hash = arena_copy(&file->arena, line->password);
		file->has_hashes = true;
	}
	OPENSSL_cleanse(&hash, sizeof(hash));
}

static void
add_line(struct passwd_file *file, struct span text, size_t number,
	const struct passwd_reader *reader)
{
	struct passwd_line line;
	struct error error = { .text = "" };
	enum passwd_line_verdict verdict = passwd_line_parse(text, &line);
	if (verdict == PASSWD_LINE_EMPTY)
		return;
	struct passwd_entry *entry = arena_new(&file->arena, sizeof(*entry));
	*entry = (struct passwd_entry){ .has_password = false };
	if (verdict == PASSWD_LINE_BAD) {
		reader->complain(reader->context, number, SPAN(""),
			"user:password was expected: the line is passed over");
		return;
	}
	if (!reader->name(reader->context, line.user, &file->arena, entry)) {
		reader->complain(reader->context, number, line.user, "the user "
			"is not an address: the line is passed over");
		return;
	}
	if (map_get(&file->names, entry->name) != NULL) {
		reader->complain(reader->context, number, line.user, "the user "
			"is there already: the line is passed over");
		return;
	}
	add_secret(file, &line, entry, &error);
	if (!entry->has_password)
		reader->complain(reader->context, number, line.user,
			error.text);
	map_put(&file->names, entry->name, entry);
	buffer_add(&file->order, span_of(&entry, sizeof(entry)));
	file->count++;
}

struct passwd_file *
passwd_file_new(struct span text, const struct passwd_reader *reader)
{
	struct passwd_file *new = memory_new(sizeof(*new));
	struct span line;
	size_t number = 0;
	arena_init(&new->arena, 0);
	map_init(&new->names);
	buffer_init(&new->order, 0);
	while (span_split(&text, '\n', &line))
		add_line(new, line, ++number, reader);
	return new;
}

void
passwd_file_free(struct passwd_file **file)
{
	if (*file == NULL)
		return;
	map_fini(&(*file)->names);
	buffer_fini(&(*file)->order);
	arena_fini(&(*file)->arena);
	memory_free(*file);
	*file = NULL;
}

const struct passwd_entry *
passwd_file_find(const struct passwd_file *file, struct span normalised)
{
	return map_get(&file->names, normalised);
}

const struct passwd_entry *
passwd_file_get(const struct passwd_file *file, size_t at)
{
	const struct passwd_entry *const *entries =
		(const void *)file->order.data;
	return at < file->count ? entries[at] : NULL;
}

bool
passwd_file_has_keys(const struct passwd_file *file)
{
	return !file->has_hashes;
}
