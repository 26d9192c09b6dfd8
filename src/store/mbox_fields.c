/* See mbox_fields.h. */
#include "store/mbox_fields.h"

#include "store/store.h"

static const struct span names[MBOX_FIELD_COUNT] = {
	[MBOX_STATUS] = SPAN("Status"),
	[MBOX_X_STATUS] = SPAN("X-Status"),
	[MBOX_X_KEYWORDS] = SPAN("X-Keywords"),
	[MBOX_X_UID] = SPAN("X-UID"),
	[MBOX_X_IMAP] = SPAN("X-IMAP"),
	[MBOX_X_IMAPBASE] = SPAN("X-IMAPbase"),
	[MBOX_CONTENT_LENGTH] = SPAN("Content-Length"),
	[MBOX_LINES] = SPAN("Lines"),
};

/* As mutt and Dovecot have them. */
static const struct {
	enum mbox_field field;
	char letter;
	uint32_t flag;
} letters[] = {
	{ MBOX_STATUS, 'R', STORE_SEEN },
	{ MBOX_X_STATUS, 'A', STORE_ANSWERED },
	{ MBOX_X_STATUS, 'F', STORE_FLAGGED },
	{ MBOX_X_STATUS, 'D', STORE_DELETED },
	{ MBOX_X_STATUS, 'T', STORE_DRAFT },
};
enum { LETTER_COUNT = sizeof(letters) / sizeof(letters[0]) };

enum mbox_field
mbox_field_of(struct span line, struct span *value)
{
	struct span name = span_first(line, 20);
	name = span_first(name, span_find(name, ':'));
	if (name.size == 20 || name.size == line.size)
		return MBOX_FIELD_NONE;
	*value = span_skip(line, name.size + 1);
	/* A blank before the colon is obsolete (RFC 5322 4.5), and cheap to
	 * hide a status behind. */
	while (name.size > 0 && (name.data[name.size - 1] == ' ' ||
		name.data[name.size - 1] == '\t'))
		name.size--;
	for (int i = 0; i < MBOX_FIELD_COUNT; i++)
		if (span_equals_nocase(name, names[i]))
			return (enum mbox_field)i;
	return MBOX_FIELD_NONE;
}

uint32_t
mbox_fields_flags(struct span status, struct span x_status)
{
	uint32_t flags = 0;
	for (size_t i = 0; i < LETTER_COUNT; i++) {
		struct span value = letters[i].field == MBOX_STATUS ? status :
			x_status;
		if (span_find(value, letters[i].letter) < value.size)
			flags |= letters[i].flag;
	}
	return flags;
}

void
mbox_fields_add_value(struct buffer *out, enum mbox_field field,
	uint32_t flags, struct span keywords)
{
	if (field == MBOX_X_KEYWORDS)
		buffer_add(out, keywords);
	for (size_t i = 0; i < LETTER_COUNT; i++)
		if (letters[i].field == field && (flags & letters[i].flag))
			buffer_add_byte(out, letters[i].letter);
	if (field == MBOX_STATUS)
		buffer_add_byte(out, 'O');
}

void
mbox_fields_add(struct buffer *out, uint32_t flags, struct span keywords,
	bool is_old)
{
	static const size_t width[] = { [MBOX_STATUS] = 2,
		[MBOX_X_STATUS] = 4, [MBOX_X_KEYWORDS] = MBOX_KEYWORDS_WIDTH };
	for (int field = MBOX_STATUS; field <= MBOX_X_KEYWORDS; field++) {
		buffer_add(out, names[field]);
		buffer_add_string(out, ": ");
		size_t before = out->size;
		if (is_old || field != MBOX_STATUS || (flags & STORE_SEEN))
			mbox_fields_add_value(out, (enum mbox_field)field,
				flags, keywords);
		while (out->size - before < width[field])
			buffer_add_byte(out, ' ');
		buffer_add_byte(out, '\n');
	}
}

bool
mbox_fields_base(struct span value, uint32_t *uid_validity,
	uint32_t *last_uid, struct span *keywords)
{
	struct span word;
	uint64_t validity, last;
	if (!span_word(&value, &word) ||
		!span_to_number(word, UINT32_MAX, &validity) || validity == 0 ||
		!span_word(&value, &word) ||
		!span_to_number(word, UINT32_MAX - 1, &last))
		return false;
	*uid_validity = (uint32_t)validity;
	*last_uid = (uint32_t)last;
	*keywords = value;
	return true;
}
