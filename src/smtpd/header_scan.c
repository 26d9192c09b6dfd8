/* Looks at field names while content passes by; keeps nothing but From. */
#include "smtpd/header_scan.h"

enum state {
	LINE_START,
	NAME,		/* of a field, up to the colon */
	NAME_BLANK,	/* blanks between name and colon (RFC 5322 4.5) */
	VALUE,		/* up to the end of the line */
	EMPTY_CR,	/* a CR at the start of a line */
};

void
header_scan_init(struct header_scan *scan, bool keeps_from)
{
	*scan = (struct header_scan){ .state = LINE_START, .is_first = true,
		.keeps_from = keeps_from };
	buffer_init(&scan->from, HEADER_SCAN_FROM_LIMIT);
}

void
header_scan_fini(struct header_scan *scan)
{
	buffer_fini(&scan->from);
}

static void
line_is_no_field(struct header_scan *scan)
{
	if (scan->is_first)
		scan->is_headless = scan->is_over = true;
	scan->is_first = false;
	scan->is_in_from = false;
}

static void
field_begins(struct header_scan *scan)
{
	struct span name = span_of(scan->name, scan->name_size);
	scan->is_first = false;
	scan->is_in_from = false;
	if (scan->is_name_bad)
		return;
	if (span_equals_nocase(name, SPAN("Received")))
		scan->received++;
	else if (span_equals_nocase(name, SPAN("Date")))
		scan->has_date = true;
	else if (span_equals_nocase(name, SPAN("Message-ID")))
		scan->has_message_id = true;
	else if (span_equals_nocase(name, SPAN("From"))) {
		scan->from_count++;
		scan->is_in_from = scan->keeps_from;
	}
}

static void
name_goes_on(struct header_scan *scan, char c)
{
	if (c == ':' && (scan->name_size > 0 || scan->is_name_bad)) {
		field_begins(scan);
		scan->state = VALUE;
	} else if (c == '\n') {
		line_is_no_field(scan);
		scan->state = LINE_START;
	} else if (c == ' ' || c == '\t') {
		scan->state = NAME_BLANK;
	} else if (c <= ' ' || c >= 0x7f || c == ':' ||
	    scan->state == NAME_BLANK) {
		/* RFC 5322 3.6.8: ftext is 33 to 126 without the colon. */
		line_is_no_field(scan);
		scan->state = VALUE;
	} else if (scan->name_size < HEADER_SCAN_NAME) {
		scan->name[scan->name_size++] = c;
	} else {
		scan->is_name_bad = true;
	}
}

static void
line_begins(struct header_scan *scan, char c)
{
	if (c == '\r') {
		scan->state = EMPTY_CR;
	} else if (c == '\n') {
		scan->is_over = true;
	} else if (c == ' ' || c == '\t') {
		/* A fold; as the first line it continues nothing. */
		if (scan->is_first)
			line_is_no_field(scan);
		if (scan->is_in_from)
			buffer_add_byte(&scan->from, c);
		scan->state = VALUE;
	} else {
		scan->name_size = 0;
		scan->is_name_bad = false;
		scan->state = NAME;
		name_goes_on(scan, c);
	}
}

/* The rest of a line in one step; returns the octets used. */
static size_t
take_value(struct header_scan *scan, struct span bytes)
{
	size_t end = span_find(bytes, '\n');
	size_t used = end < bytes.size ? end + 1 : end;
	if (scan->is_in_from)
		buffer_add(&scan->from, span_first(bytes, used));
	if (end < bytes.size)
		scan->state = LINE_START;
	return used;
}

void
header_scan_feed(struct header_scan *scan, struct span bytes)
{
	size_t at = 0;
	while (at < bytes.size && !scan->is_over) {
		switch ((enum state)scan->state) {
		case LINE_START:
			line_begins(scan, bytes.data[at++]);
			break;
		case NAME:
		case NAME_BLANK:
			name_goes_on(scan, bytes.data[at++]);
			break;
		case VALUE:
			at += take_value(scan, span_skip(bytes, at));
			break;
		case EMPTY_CR:
			scan->is_over = bytes.data[at] == '\n';
			if (!scan->is_over)
				line_is_no_field(scan);
			scan->state = VALUE;
			break;
		}
	}
}
