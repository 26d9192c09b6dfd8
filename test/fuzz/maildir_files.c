/*
 * What Dovecot keeps beside a maildir, and names of files in one: lines end,
 * names of keywords come back as they were written, and a name that gets its
 * own flags again keeps them and its message.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "store/maildir_inside.h"

static void
read_uidlist(struct span text)
{
	struct maildir_uidlist list;
	struct span base;
	uint32_t uid;
	size_t count = 0;
	if (!maildir_uidlist_init(&list, text))
		return;
	assert(list.version == 1 || list.version == 3);
	while (maildir_uidlist_next(&list, &uid, &base)) {
		assert(uid != 0 && base.size > 0 &&
			base.size <= MAILDIR_NAME_LIMIT);
		assert(span_find(base, ':') == base.size);
		assert(base.data >= text.data &&
			base.data + base.size <= text.data + text.size);
		count++;
	}
	assert(count <= text.size);
}

static void
read_keywords(struct span text)
{
	struct span name[MAILDIR_LETTERS], again[MAILDIR_LETTERS];
	struct buffer out;
	buffer_init(&out, 0);
	maildir_keywords_parse(text, name);
	maildir_keywords_format(name, &out);
	maildir_keywords_parse(buffer_span(&out), again);
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		assert(span_equals(name[i], again[i]));
	buffer_fini(&out);
}

static void
read_name(struct span text)
{
	struct maildir_name name, renamed;
	struct buffer tail, whole;
	uint8_t key[2][FORMAT_KEY_SIZE];
	if (!maildir_name_parse(text, &name))
		return;
	buffer_init(&tail, 0);
	buffer_init(&whole, 0);
	uint64_t flags = maildir_name_flags(name.tail);
	maildir_name_tail(flags, name.tail, &tail);
	assert(maildir_name_flags(buffer_span(&tail)) == flags);
	buffer_add(&whole, name.base);
	buffer_add(&whole, buffer_span(&tail));
	if (maildir_name_parse(buffer_span(&whole), &renamed)) {
		assert(span_equals(name.base, renamed.base));
		assert(name.wire_size == renamed.wire_size);
		maildir_name_key(name.base, UINT64_MAX, key[0]);
		maildir_name_key(renamed.base, UINT64_MAX, key[1]);
		assert(memcmp(key[0], key[1], FORMAT_KEY_SIZE) == 0);
	} else {
		assert(whole.size > MAILDIR_NAME_LIMIT);
	}
	buffer_fini(&tail);
	buffer_fini(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	read_uidlist(text);
	read_keywords(text);
	read_name(text);
	return 0;
}
