/*
 * Content of DATA and BDAT. Runs between the places that matter are found with
 * memchr and copied whole; what straddles two reads is kept in the state.
 */
#include "proto/smtp_data.h"

#include <assert.h>

enum state {
	MIDDLE,		/* of a line, or where a dot means nothing */
	LINE_START,	/* after CRLF and at the beginning: a dot is special */
	CR,		/* a CR is kept back: LF may follow */
	DOT,		/* a dot at the start of a line is kept back */
	DOT_CR,		/* dot and CR are */
};

void
smtp_data_init(struct smtp_data *data, enum smtp_data_kind kind,
	bool is_normalising)
{
	*data = (struct smtp_data){ .kind = (uint8_t)kind,
		.is_normalising = is_normalising,
		.state = kind == SMTP_DATA_DOTS ? LINE_START : MIDDLE };
}

static void
give(struct smtp_data *data, struct span run, struct buffer *out)
{
	buffer_add(out, run);
	data->size += run.size;
}

static void
count_line(struct smtp_data *data, size_t n)
{
	size_t size = data->line_size + n;
	if (size > SMTP_DATA_LINE_LIMIT) {
		data->has_long_line = true;
		size = SMTP_DATA_LINE_LIMIT;
	}
	data->line_size = (uint32_t)size;
}

static void
begin_line(struct smtp_data *data)
{
	data->line_size = 0;
	data->state = data->kind == SMTP_DATA_DOTS ? LINE_START : MIDDLE;
}

/* A CR that was kept back turned out to be bare. */
static void
give_bare_cr(struct smtp_data *data, struct buffer *out)
{
	data->has_bare_cr = true;
	give(data, data->is_normalising ? SPAN(" ") : SPAN("\r"), out);
	count_line(data, 1);
	data->state = MIDDLE;
}

/*
 * One byte after something that was kept back, or at the start of a line;
 * false when the state now is MIDDLE and the byte is still to be looked at.
 */
static bool
take_special(struct smtp_data *data, char c, struct buffer *out)
{
	switch ((enum state)data->state) {
	case LINE_START:
		data->state = c == '.' ? DOT : MIDDLE;
		return c == '.';
	case DOT:
		/* Before anything but the end the dot is stuffing: gone. */
		data->state = c == '\r' ? DOT_CR : MIDDLE;
		return c == '\r';
	case DOT_CR:
		if (c == '\n') {
			data->is_end = true;
			return true;
		}
		give_bare_cr(data, out);
		return false;
	case CR:
		if (c == '\n') {
			give(data, SPAN("\r\n"), out);
			begin_line(data);
			return true;
		}
		give_bare_cr(data, out);
		return false;
	case MIDDLE:
		break;
	}
	return false;
}

/*
 * From the middle of a line up to what ends it, changes it, or must be kept
 * back; returns the octets used, at least one.
 */
static size_t
take_line(struct smtp_data *data, struct span in, struct buffer *out)
{
	size_t lf = span_find(in, '\n');
	size_t cr = span_find(span_first(in, lf), '\r');
	size_t text = cr < lf ? cr : lf;
	count_line(data, text);
	if (cr + 1 == lf && lf < in.size) {
		give(data, span_first(in, lf + 1), out);
		begin_line(data);
		return lf + 1;
	}
	give(data, span_first(in, text), out);
	if (cr < lf) {
		data->state = CR;
		return cr + 1;
	}
	if (lf == in.size)
		return lf;
	data->has_bare_lf = true;
	give(data, data->is_normalising ? SPAN("\r\n") : SPAN("\n"), out);
	data->line_size = 0;
	return lf + 1;
}

size_t
smtp_data_feed(struct smtp_data *data, struct span in, struct buffer *out)
{
	size_t at = 0;
	assert(!data->is_end);
	if (data->kind == SMTP_DATA_BINARY) {
		give(data, in, out);
		return in.size;
	}
	while (at < in.size && !data->is_end) {
		if (data->state != MIDDLE && take_special(data, in.data[at], out))
			at++;
		else
			at += take_line(data, span_skip(in, at), out);
	}
	if (!data->has_nul && span_find(span_first(in, at), '\0') < at)
		data->has_nul = true;
	return at;
}

void
smtp_data_end(struct smtp_data *data, struct buffer *out)
{
	assert(data->kind != SMTP_DATA_DOTS);
	if (data->state == CR)
		give_bare_cr(data, out);
	data->is_end = true;
}
