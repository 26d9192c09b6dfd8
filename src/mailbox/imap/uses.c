/* Special uses, RFC 6154 2. */
#include "mailbox/imap/uses.h"

static const struct {
	enum store_use use;
	const char *name;
} names[] = {
	{ STORE_USE_ALL, "\\All" }, { STORE_USE_ARCHIVE, "\\Archive" },
	{ STORE_USE_DRAFTS, "\\Drafts" }, { STORE_USE_FLAGGED, "\\Flagged" },
	{ STORE_USE_JUNK, "\\Junk" }, { STORE_USE_SENT, "\\Sent" },
	{ STORE_USE_TRASH, "\\Trash" },
};

unsigned
imap_use_of(struct span name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equals_nocase(name, span_from(names[i].name + 1)))
			return names[i].use;
	return 0;
}

const char *
imap_use_take(unsigned *uses)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((*uses & names[i].use) != 0) {
			*uses &= ~(unsigned)names[i].use;
			return names[i].name;
		}
	}
	return NULL;
}
