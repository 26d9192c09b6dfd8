/*
 * Accounts of directories that other processes ask (question.h). They have rows
 * of their own in the table `outside`, as users of files have. Runs in auth.
 */
#include "auth/accounts_directory.h"
#include "auth/accounts_private.h"
#include "auth/hash.h"

void
accounts_set_call(struct accounts *accounts, question_call_fn *call)
{
	accounts->call = call;
}

struct question_source *
accounts_find_directory(struct accounts *accounts, struct span kind,
	struct span path, unsigned place)
{
	struct question_source *found = NULL;
	for (size_t i = 0; i < accounts->directory_count; i++)
		if (question_source_is(accounts->directory[i], kind, path))
			found = accounts->directory[i];
	if (found != NULL) {
		question_source_move(found, place);
	} else if (accounts->call != NULL &&
		accounts->directory_count < ACCOUNTS_DIRECTORY_LIMIT) {
		found = question_source_new(kind, path, place, accounts->call);
		accounts->directory[accounts->directory_count++] = found;
	}
	return found;
}

int
accounts_read_directory(struct accounts *accounts,
	struct question_source *directory, struct span normalised,
	const struct question_answer *answer, struct name_entry *draft,
	struct buffer *text, struct error *error)
{
	struct passwd_entry entry = { .name = normalised,
		.written = normalised, .hash = answer->hash,
		.has_password = answer->can_check || answer->hash.size > 0 };
	struct hash hash;
	struct error ignored;
	if (entry.hash.size > 0 && hash_parse(entry.hash, &hash,
		&ignored) == 0 && hash_get_keys(&hash, &entry.keys)) {
		entry.has_keys = true;
		entry.hash = (struct span){ NULL, 0 };
	}
	int result = accounts_read_entry(accounts, &entry, draft, text, error);
	draft->directory = directory;
	draft->can_check = answer->can_check;
	draft->can_update = answer->can_update && !entry.has_keys;
	draft->is_stale = answer->is_stale;
	if (!draft->has_own_quota && answer->has_quota) {
		draft->has_own_quota = true;
		draft->quota = answer->quota;
	}
	return result;
}
