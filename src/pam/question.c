/* See question.h. Parses what auth wrote, which has it from strangers. */
#include "pam/question.h"

#include <string.h>

#include "base/base64.h"
#include "proto/system_user.h"
#include "proto/tabline.h"

static bool
take_user(const struct tabline *fields, struct arena *arena,
	struct question *question)
{
	struct span user;
	if (!tabline_get(fields, 2, "user", &user) ||
		!system_user_is_name(user))
		return false;
	question->user = arena_copy_string(arena, user);
	return true;
}

static bool
take_lookup(const struct tabline *fields, struct arena *arena,
	struct question *question)
{
	struct span text;
	uint64_t uid;
	question->kind = QUESTION_LOOKUP_USER;
	if (!tabline_get(fields, 2, "uid", &text))
		return take_user(fields, arena, question);
	question->kind = QUESTION_LOOKUP_UID;
	/* The last one is no uid: -1. */
	if (!span_to_number(text, UINT32_MAX - 1, &uid))
		return false;
	question->uid = (uint32_t)uid;
	return true;
}

static bool
take_password(struct span text, struct question *question)
{
	struct buffer bytes;
	buffer_init(&bytes, QUESTION_PASSWORD_LIMIT);
	bool ok = base64_decode(&bytes, text) && !buffer_is_overrun(&bytes) &&
		bytes.size > 0 &&
		span_find(buffer_span(&bytes), '\0') == bytes.size;
	if (ok)
		memcpy(question->password, bytes.data, bytes.size);
	if (bytes.room > 0)
		explicit_bzero(bytes.data, bytes.room);
	buffer_fini(&bytes);
	return ok;
}

static bool
take_check(const struct tabline *fields, struct arena *arena,
	struct question *question)
{
	struct span text, remote = SPAN("");
	question->kind = QUESTION_CHECK;
	if (!take_user(fields, arena, question) ||
		!tabline_get(fields, 2, "password", &text) ||
		!take_password(text, question) ||
		!tabline_get(fields, 2, "service", &text))
		return false;
	tabline_get(fields, 2, "rip", &remote);
	question->service = arena_copy_string(arena, text);
	question->remote = arena_copy_string(arena, remote);
	return span_find(text, '\0') == text.size &&
		span_find(remote, '\0') == remote.size;
}

bool
question_parse(struct span line, struct arena *arena,
	struct question *question)
{
	struct tabline fields;
	*question = (struct question){ .user = "" };
	if (!tabline_parse(line, arena, &fields) || fields.count < 3)
		return false;
	question->id = arena_copy(arena, fields.field[1]);
	if (span_equals(fields.field[0], SPAN("LOOKUP")))
		return take_lookup(&fields, arena, question);
	if (span_equals(fields.field[0], SPAN("CHECK")))
		return take_check(&fields, arena, question);
	return false;
}

void
question_fini(struct question *question)
{
	explicit_bzero(question->password, sizeof(question->password));
}

void
question_answer(const struct question *question, const char *word,
	struct buffer *out)
{
	buffer_add_string(out, word);
	tabline_add(out, question->id);
}
