/*
 * The message that sendmail reads: text with the line ends of Unix, as programs
 * write it, or of SMTP.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ctl/sendmail.h"
#include "proto/address.h"
#include "proto/address_list.h"
#include "proto/mime.h"

/* ---- lines ---- */

/* CRLF and LF end a line; a CR elsewhere is nothing that mail can hold. */
static void
add_line(struct buffer *out, struct span line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	for (size_t i = 0; i < line.size; i++)
		buffer_add_byte(out, line.data[i] == '\r' ? ' ' :
			line.data[i]);
	buffer_add(out, SPAN("\r\n"));
}

static bool
is_end(const struct sendmail *sendmail, struct span line)
{
	return !sendmail->ignores_dots && (span_equals(line, SPAN(".")) ||
		span_equals(line, SPAN(".\r")));
}

static void
normalise(struct sendmail *sendmail, struct span input, struct buffer *out)
{
	struct span line;
	/* The separator of mbox, which some programs send along. */
	if (span_starts(input, SPAN("From ")))
		span_split(&input, '\n', &line);
	while (input.size > 0 && span_split(&input, '\n', &line)) {
		if (is_end(sendmail, line))
			break;
		add_line(out, line);
	}
}

/* ---- header ---- */

static bool
is_named(const struct mime_field *field, const char *name)
{
	return span_equals_nocase(field->name, span_from(name));
}

static bool
is_for_recipients(const struct mime_field *field, bool is_resent)
{
	if (is_resent)
		return is_named(field, "Resent-To") ||
			is_named(field, "Resent-Cc") ||
			is_named(field, "Resent-Bcc");
	return is_named(field, "To") || is_named(field, "Cc") ||
		is_named(field, "Bcc");
}

static int
add_recipients(struct sendmail *sendmail, struct span value)
{
	struct mime_address *at = mime_parse_addresses(&sendmail->arena,
		mime_unfold(&sendmail->arena, value));
	for (; at != NULL; at = at->next) {
		struct buffer text;
		struct address address = { .local = at->mailbox,
			.domain = at->host };
		if (at->mailbox.size == 0)
			continue;	/* of a group */
		if (sendmail->count == SENDMAIL_RECIPIENT_LIMIT)
			return sendmail_fail(EX_DATAERR,
				"more than %d recipients",
				SENDMAIL_RECIPIENT_LIMIT);
		buffer_init(&text, 0);
		address_format(&text, &address);
		sendmail->recipient[sendmail->count++] = arena_copy(
			&sendmail->arena, buffer_span(&text));
		buffer_fini(&text);
	}
	return 0;
}

static struct span
login_name(struct sendmail *sendmail, struct span *full_name)
{
	const struct passwd *user = getpwuid(getuid());
	if (user == NULL)
		return arena_print(&sendmail->arena, "uid-%u",
			(unsigned)getuid());
	/* The first part of GECOS; "&" stands for the login name. */
	struct span name = span_from(user->pw_gecos);
	*full_name = arena_copy(&sendmail->arena, span_first(name,
		span_find(name, ',')));
	return arena_copy(&sendmail->arena, span_from(user->pw_name));
}

/* RFC 5322 3.6.2; a name that is not plain is left out. */
static void
add_from(struct sendmail *sendmail, struct buffer *out)
{
	struct span account_name = { NULL, 0 };
	struct span login = login_name(sendmail, &account_name);
	struct span name = sendmail->full_name.size > 0 ?
		sendmail->full_name : account_name;
	struct span from = sendmail->sender.size > 0 ? sendmail->sender : login;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < ' ' || name.data[i] == 0x7f ||
		    name.data[i] == '"' || name.data[i] == '\\')
			name.size = 0;
	buffer_add_string(out, "From: ");
	if (name.size > 0 && utf8_is_ascii(name))
		buffer_print(out, "\"%.*s\" ", SPAN_PRINT(name));
	buffer_print(out, "<%.*s", SPAN_PRINT(from));
	if (span_find(from, '@') == from.size)
		buffer_print(out, "@%s", config_text(sendmail->config,
			"myorigin"));
	buffer_add_string(out, ">\r\n");
}

static bool
has_field(struct span header, const char *name)
{
	struct mime_field field;
	while (mime_next_field(&header, &field))
		if (is_named(&field, name))
			return true;
	return false;
}

static bool
is_of_addresses(const struct mime_field *field)
{
	static const char *const names[] = { "From", "Sender", "Reply-To",
		"To", "Cc", "Resent-From", "Resent-Sender", "Resent-To",
		"Resent-Cc" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_named(field, names[i]))
			return true;
	return false;
}

/* Addresses without a domain are of this host, in its mail too. */
static void
add_field(const struct sendmail *sendmail, const struct mime_field *field,
	struct buffer *out)
{
	size_t before = (size_t)(field->value.data - field->whole.data);
	if (!is_of_addresses(field)) {
		buffer_add(out, field->whole);
		return;
	}
	buffer_add(out, span_first(field->whole, before));
	address_list_complete(field->value, span_from(config_text(
		sendmail->config, "myorigin")), out);
	buffer_add(out, span_skip(field->whole, before + field->value.size));
}

/* Copies the header without Bcc; its recipients are taken with -t. */
static int
take_header(struct sendmail *sendmail, struct span header, struct buffer *out)
{
	struct span rest = header;
	struct mime_field field;
	bool is_resent = has_field(header, "Resent-To") ||
		has_field(header, "Resent-Cc") ||
		has_field(header, "Resent-Bcc");
	if (!has_field(header, "From"))
		add_from(sendmail, out);
	while (mime_next_field(&rest, &field)) {
		if (sendmail->reads_recipients && is_for_recipients(&field,
		    is_resent)) {
			int result = add_recipients(sendmail, field.value);
			if (result != 0)
				return result;
		}
		if (!is_named(&field, "Bcc") && !is_named(&field, "Resent-Bcc"))
			add_field(sendmail, &field, out);
	}
	return 0;
}

/* A message may begin with its body: then there is no header. */
static size_t
header_size(struct span text)
{
	struct span rest = text;
	struct mime_field field;
	size_t end = 0;
	while (mime_next_field(&rest, &field)) {
		/* Skipped lines are no header: the body begins there. */
		if (field.whole.data != text.data + end)
			break;
		end += field.whole.size;
	}
	return end;
}

int
sendmail_take(struct sendmail *sendmail, struct span input)
{
	struct buffer text;
	buffer_init(&text, 0);
	normalise(sendmail, input, &text);
	struct span whole = buffer_span(&text);
	size_t end = header_size(whole);
	struct span body = span_skip(whole, end);
	int result = take_header(sendmail, span_first(whole, end),
		&sendmail->message);
	if (!span_starts(body, SPAN("\r\n")))
		buffer_add(&sendmail->message, SPAN("\r\n"));
	buffer_add(&sendmail->message, body);
	if (!utf8_is_ascii(whole))
		sendmail->is_8bit = true;
	buffer_fini(&text);
	return result;
}

int
sendmail_read(struct sendmail *sendmail)
{
	struct buffer input;
	uint64_t limit = config_size(sendmail->config, "message_size_limit");
	char bytes[65536];
	ssize_t n;
	buffer_init(&input, 0);
	while ((n = read(0, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (limit != 0 && input.size + (size_t)n > limit))
			break;
		buffer_add(&input, span_of(bytes, (size_t)n));
	}
	int result = n < 0 ? sendmail_fail(EX_IOERR,
		"standard input cannot be read") : n > 0 ?
		sendmail_fail(EX_DATAERR, "the message is bigger than "
		"message_size_limit") : sendmail_take(sendmail,
		buffer_span(&input));
	buffer_fini(&input);
	return result;
}
