/* See mbox_content.h. */
#include "store/mbox_content.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

/* ---- reading ---- */

/* The next line of *rest, with its end. */
static bool
take_line(struct span *rest, struct span *line)
{
	if (rest->size == 0)
		return false;
	size_t end = span_find(*rest, '\n');
	*line = span_first(*rest, end < rest->size ? end + 1 : end);
	*rest = span_skip(*rest, line->size);
	return true;
}

static void
add_line(struct buffer *out, struct span line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\n')
		line.size--;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	buffer_add(out, line);
	buffer_add_string(out, "\r\n");
}

void
mbox_content_read(struct span raw, const struct mbox_message *message,
	struct buffer *out)
{
	struct span line, value;
	struct span rest = span_first(span_skip(raw, message->head),
		message->head_end - message->head);
	bool is_hidden = false;
	while (take_line(&rest, &line)) {
		if (line.data[0] != ' ' && line.data[0] != '\t')
			is_hidden = mbox_field_of(line, &value) !=
				MBOX_FIELD_NONE;
		if (!is_hidden)
			add_line(out, line);
	}
	buffer_add_string(out, "\r\n");
	rest = span_first(span_skip(raw, message->body),
		message->body_end - message->body);
	while (take_line(&rest, &line)) {
		bool is_quoted = !message->is_unquoted && line.data[0] == '>' &&
			mbox_scan_quotes(line) > 0;
		add_line(out, span_skip(line, is_quoted));
	}
}

/* ---- writing ---- */

struct writer {
	const struct mbox_measure *measured;	/* NULL: it measures */
	struct mbox_measure *measure;
	const struct store_flags *flags;
	mbox_sink *sink;
	void *context;
	EVP_MD_CTX *digest;
	bool is_in_body, is_hidden, has_cr;
};

static void
must(int result)
{
	assert(result == 1);
}

static int
put(struct writer *writer, struct span bytes, struct error *error)
{
	if (writer->measured == NULL) {
		if (writer->is_in_body)
			writer->measure->length += bytes.size;
		writer->measure->has_nul |=
			memchr(bytes.data, '\0', bytes.size) != NULL;
		return 0;
	}
	must(EVP_DigestUpdate(writer->digest, bytes.data, bytes.size));
	return writer->sink(writer->context, bytes, error);
}

/* A piece of a line with LF for CRLF. */
static int
put_text(struct writer *writer, const struct mbox_line *line,
	struct error *error)
{
	struct span text = line->bytes;
	bool has_lf = text.data[text.size - 1] == '\n';
	text.size -= has_lf;
	if (writer->has_cr && text.size > 0 &&
		put(writer, SPAN("\r"), error) < 0)
		return -1;
	if (text.size > 0) {
		writer->has_cr = text.data[text.size - 1] == '\r';
		text.size -= writer->has_cr;
	}
	if (text.size > 0 && put(writer, text, error) < 0)
		return -1;
	if (!line->ends)
		return 0;
	writer->has_cr = false;
	return put(writer, SPAN("\n"), error);
}

static void
keep_sender(struct writer *writer, struct span line)
{
	struct mbox_measure *measure = writer->measure;
	if (writer->measured != NULL || measure->has_sender ||
		!span_starts_nocase(line, SPAN("Return-Path:")))
		return;
	struct span path = span_trim(span_skip(line, 12));
	if (span_starts(path, SPAN("<")))
		path = span_first(span_skip(path, 1),
			span_find(path, '>') - 1);
	path = span_first(path, MBOX_SENDER_LIMIT);
	memcpy(measure->sender, path.data, path.size);
	measure->sender_size = path.size;
	measure->has_sender = true;
}

/* The empty line, before it the fields of ours. */
static int
end_head(struct writer *writer, struct error *error)
{
	struct buffer keywords, fields;
	writer->is_in_body = true;
	if (writer->measured == NULL)
		return 0;
	buffer_init(&keywords, MBOX_VALUE_LIMIT);
	buffer_init(&fields, 0);
	for (size_t i = 0; i < writer->flags->keyword_count; i++) {
		if (i > 0)
			buffer_add_byte(&keywords, ' ');
		buffer_add(&keywords, writer->flags->keyword[i]);
	}
	mbox_fields_add(&fields, writer->flags->system,
		buffer_span(&keywords), false);
	buffer_print(&fields, "Content-Length: %llu\n",
		(unsigned long long)writer->measured->length);
	int result = writer->sink(writer->context, buffer_span(&fields), error);
	buffer_fini(&keywords);
	buffer_fini(&fields);
	return result < 0 ? -1 : put(writer, SPAN("\n"), error);
}

/* What will be an empty line in the file ends the header, too. */
static bool
is_empty(const struct mbox_line *line)
{
	struct span text = line->bytes;
	if (!line->begins || !line->ends)
		return false;
	if (text.data[text.size - 1] == '\n')
		text.size--;
	for (int i = 0; i < 2; i++)
		if (text.size > 0 && text.data[text.size - 1] == '\r')
			text.size--;
	return text.size == 0;
}

static int
write_head_line(struct writer *writer, const struct mbox_line *line,
	struct error *error)
{
	struct span text = line->bytes, value;
	if (is_empty(line))
		return end_head(writer, error);
	if (line->begins && text.data[0] != ' ' && text.data[0] != '\t') {
		writer->is_hidden = mbox_scan_quotes(text) == 0 ||
			mbox_field_of(text, &value) != MBOX_FIELD_NONE;
		keep_sender(writer, text);
	}
	return writer->is_hidden ? 0 : put_text(writer, line, error);
}

static int
write_body_line(struct writer *writer, const struct mbox_line *line,
	struct error *error)
{
	char first = line->bytes.data[0];
	if (line->begins && (first == 'F' || first == '>')) {
		int quotes = mbox_scan_quotes(line->bytes);
		if (quotes >= 0 && quotes < MBOX_QUOTES_LIMIT &&
			put(writer, SPAN(">"), error) < 0)
			return -1;
	}
	return put_text(writer, line, error);
}

static int
write_all(struct writer *writer, const struct mbox_source *wire,
	struct error *error)
{
	struct mbox_lines lines;
	struct mbox_line line;
	int result;
	mbox_lines_init(&lines, wire, 0, wire->end < MBOX_WINDOW_HEAD ?
		MBOX_WINDOW_HEAD : MBOX_WINDOW);
	while ((result = mbox_lines_next(&lines, &line, error)) > 0) {
		result = writer->is_in_body ?
			write_body_line(writer, &line, error) :
			write_head_line(writer, &line, error);
		if (result < 0)
			break;
	}
	mbox_lines_fini(&lines);
	if (result == 0 && !writer->is_in_body)
		result = end_head(writer, error);
	return result;
}

int
mbox_content_measure(const struct mbox_source *wire,
	struct mbox_measure *measure, struct error *error)
{
	struct writer writer = { .measure = measure };
	*measure = (struct mbox_measure){ .length = 0 };
	return write_all(&writer, wire, error);
}

int
mbox_content_write(const struct mbox_writing *writing,
	uint8_t key[FORMAT_KEY_SIZE], struct error *error)
{
	const struct mbox_measure *measure = writing->measure;
	struct writer writer = { .measured = measure, .flags = writing->flags,
		.sink = writing->sink, .context = writing->context };
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct buffer from;
	writer.digest = EVP_MD_CTX_new();
	assert(writer.digest != NULL);
	must(EVP_DigestInit_ex(writer.digest, EVP_sha256(), NULL));
	buffer_init(&from, 0);
	mbox_from_add(&from, span_of(measure->sender, measure->sender_size),
		writing->date);
	int result = writing->sink(writing->context, buffer_span(&from), error);
	if (result == 0)
		result = write_all(&writer, writing->wire, error);
	if (result == 0)
		result = writing->sink(writing->context, SPAN("\n"), error);
	must(EVP_DigestFinal_ex(writer.digest, hash, NULL));
	memcpy(key, hash, FORMAT_KEY_SIZE);
	EVP_MD_CTX_free(writer.digest);
	buffer_fini(&from);
	return result;
}
