/*
 * Reports about delivery: whatever strangers said (replies, addresses, ENVID,
 * ORCPT), it makes no line, no field and no part of a report.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/dsn.h"

static void
write_report(struct span in, unsigned flags, struct buffer *out)
{
	const struct dsn_recipient recipient = {
		.action = (enum dsn_action)(flags & 3), .original = in,
		.final = in, .code = 550, .status = SPAN("5.1.1"),
		.text = in, .diagnostic = (flags & 4) != 0 ? in :
		span_of(NULL, 0), .host = in, .last_attempt = 1795346763 };
	const struct dsn_report report = { .host = SPAN("mail.example.test"),
		.domain = SPAN("example.test"), .to = in, .id = SPAN("q1"),
		.date = 1795346763, .arrival = 1795346700,
		.retry_until = 1795400000, .envid = in, .trace = SPAN("t1"),
		.is_utf8 = (flags & 8) != 0, .is_8bit = (flags & 16) != 0,
		.language = (flags & 32) != 0 ? DSN_CHINESE : DSN_ENGLISH,
		.is_double = (flags & 64) != 0,
		.recipient = &recipient, .count = 1 };
	dsn_add_head(out, &report);
	dsn_add_tail(out, &report);
}

/* Lines of the report that begin like this. */
static unsigned
lines_with(struct span text, struct span prefix)
{
	struct span line;
	unsigned count = 0;
	while (text.size > 0 && span_split(&text, '\n', &line))
		count += span_starts(line, prefix);
	return count;
}

static void
check_bytes(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		assert(text.data[i] != '\0');
		if (text.data[i] == '\n')
			assert(i > 0 && text.data[i - 1] == '\r');
		if (text.data[i] == '\r')
			assert(i + 1 < text.size && text.data[i + 1] == '\n');
	}
}

/* Each line of the header is one that we write, or goes on with a blank. */
static void
check_header(struct span text)
{
	static const struct span fields[] = { SPAN("From:"), SPAN("To:"),
		SPAN("Subject:"), SPAN("Date:"), SPAN("Message-ID:"),
		SPAN("Auto-Submitted:"), SPAN("MIME-Version:"),
		SPAN("Content-"), SPAN(" "), SPAN("\t") };
	struct span line;
	while (span_split(&text, '\n', &line) && line.size > 1) {
		bool is_known = false;
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			is_known |= span_starts(line, fields[i]);
		assert(is_known);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span watched[] = { SPAN("--"), SPAN("Final-"),
		SPAN("Action:"), SPAN("Status:"), SPAN("Reporting-MTA:") };
	struct buffer tame, wild;
	if (size == 0)
		return 0;
	buffer_init(&tame, 0);
	buffer_init(&wild, 0);
	write_report(SPAN("x@example.test"), data[0], &tame);
	write_report(span_of(data + 1, size - 1), data[0], &wild);
	check_bytes(buffer_span(&wild));
	check_header(buffer_span(&wild));
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		assert(lines_with(buffer_span(&wild), watched[i]) ==
			lines_with(buffer_span(&tame), watched[i]));
	buffer_fini(&tame);
	buffer_fini(&wild);
	return 0;
}
