/*
 * SMTP commands: what is taken can be written and taken again as the same, on
 * one line.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/smtp.h"

/* What was written is one command line that is written the same once more. */
static void
check(struct buffer *out, struct arena *arena, bool is_mail)
{
	struct smtp_command command;
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	struct buffer again;
	size_t end = span_find(buffer_span(out), '\n');
	assert(end + 1 == out->size && out->data[end - 1] == '\r');
	smtp_command_parse(span_first(buffer_span(out), end - 1), &command);
	buffer_init(&again, 0);
	if (is_mail) {
		assert(command.verb == SMTP_MAIL);
		assert(smtp_mail_parse(command.argument, SMTP_WITH_ALL, arena,
			&mail) == SMTP_OK);
		smtp_mail_add(&again, &mail);
	} else {
		assert(command.verb == SMTP_RCPT);
		assert(smtp_rcpt_parse(command.argument, SMTP_WITH_ALL, arena,
			&rcpt) == SMTP_OK);
		smtp_rcpt_add(&again, &rcpt);
	}
	assert(span_equals(buffer_span(out), buffer_span(&again)));
	buffer_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct buffer out;
	struct smtp_command command;
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	struct smtp_bdat bdat;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	smtp_command_parse(span_of(data, size), &command);
	if (smtp_mail_parse(command.argument, SMTP_WITH_ALL, &arena,
	    &mail) == SMTP_OK) {
		smtp_mail_add(&out, &mail);
		check(&out, &arena, true);
	}
	buffer_clear(&out);
	if (smtp_rcpt_parse(command.argument, SMTP_WITH_ALL, &arena,
	    &rcpt) == SMTP_OK) {
		smtp_rcpt_add(&out, &rcpt);
		check(&out, &arena, false);
	}
	buffer_clear(&out);
	if (smtp_bdat_parse(command.argument, &bdat))
		smtp_bdat_add(&out, &bdat);
	smtp_xtext_decode(&out, command.argument);
	buffer_fini(&out);
	arena_fini(&arena);
	return 0;
}
