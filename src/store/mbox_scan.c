/* See mbox_scan.h. */
#include "store/mbox_scan.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/memory.h"

enum { TAIL = 3, SUBJECT = 100 };

struct mbox_scanner {
	const struct mbox_source *source;
	struct mbox_lines lines;
	struct mbox_line line;		/* the next one, when has_line */
	bool has_line, heads_only;
	EVP_MD_CTX *digest;
	struct buffer text[MBOX_FIELD_COUNT];
	enum mbox_field field;		/* whose lines are being read */
	char subject[SUBJECT];
	size_t subject_size;
	/* The content so far, in the form of the wire. */
	uint64_t size, lone_quotes;
	char last;			/* byte before what comes next */
	bool has_raw_from;
	/* The last bytes of a body are kept back: they may be the empty line
	 * that separates it from the next message. */
	char tail[TAIL];
	size_t tail_size;
	uint64_t body_size;
	struct span run;		/* lines of the body, not yet in the digest */
};

static void
must(int result)
{
	assert(result == 1);
}

/* ---- lines ---- */

static int
next_line(struct mbox_scanner *scanner, struct mbox_line *line,
	struct error *error)
{
	int result = 1;
	if (!scanner->has_line)
		result = mbox_lines_next(&scanner->lines, &scanner->line, error);
	scanner->has_line = false;
	*line = scanner->line;
	return result;
}

static bool
is_empty(const struct mbox_line *line)
{
	/* A last line that is only CR will be one when its LF has come. */
	return line->begins && (span_equals(line->bytes, SPAN("\n")) ||
		span_equals(line->bytes, SPAN("\r\n")) ||
		(line->ends && span_equals(line->bytes, SPAN("\r"))));
}

static bool
is_from(const struct mbox_line *line, struct mbox_from *from)
{
	return line->begins && line->ends && line->bytes.data[0] == 'F' &&
		mbox_from_parse(line->bytes, from);
}

int
mbox_scan_quotes(struct span line)
{
	size_t n = 0;
	while (n < line.size && n <= MBOX_QUOTES_LIMIT && line.data[n] == '>')
		n++;
	return n <= MBOX_QUOTES_LIMIT &&
		span_starts(span_skip(line, n), SPAN("From ")) ? (int)n : -1;
}

int
mbox_scan_is_from(const struct mbox_source *source, uint64_t offset,
	bool *is_from, struct error *error)
{
	char text[MBOX_FROM_LIMIT];
	struct mbox_from from;
	*is_from = false;
	if (offset >= source->end)
		return 0;
	uint64_t left = source->end - offset;
	size_t size = left < sizeof(text) ? (size_t)left : sizeof(text);
	if (source->read(source->context, offset, text, size, error) < 0)
		return -1;
	struct span line = span_of(text, size);
	size_t end = span_find(line, '\n');
	*is_from = (end < size || size == left) &&
		mbox_from_parse(span_first(line, end), &from);
	return 0;
}

/* ---- the content ---- */

static void
digest(struct mbox_scanner *scanner, struct span bytes)
{
	must(EVP_DigestUpdate(scanner->digest, bytes.data, bytes.size));
}

/* A line ends with CRLF on the wire, whatever it ends with here. */
static void
count(struct mbox_scanner *scanner, struct span bytes)
{
	char before = bytes.size > 1 ? bytes.data[bytes.size - 2] :
		scanner->last;
	scanner->last = bytes.data[bytes.size - 1];
	scanner->size += bytes.size +
		(scanner->last == '\n' && before != '\r');
}

/* What ends without LF at the end of the file ends with one from here on: the
 * next delivery will put it there. */
static void
end_line(struct mbox_scanner *scanner)
{
	if (scanner->last == '\n')
		return;
	digest(scanner, SPAN("\n"));
	count(scanner, SPAN("\n"));
}

static void
add_visible(struct mbox_scanner *scanner, const struct mbox_line *line)
{
	digest(scanner, line->bytes);
	count(scanner, line->bytes);
	if (line->ends)
		end_line(scanner);
}

static void
add_body(struct mbox_scanner *scanner, struct span bytes)
{
	char joined[2 * TAIL];
	scanner->body_size += bytes.size;
	if (bytes.size >= TAIL) {
		digest(scanner, span_of(scanner->tail, scanner->tail_size));
		digest(scanner, span_first(bytes, bytes.size - TAIL));
		bytes = span_skip(bytes, bytes.size - TAIL);
		scanner->tail_size = 0;
	}
	memcpy(joined, scanner->tail, scanner->tail_size);
	memcpy(joined + scanner->tail_size, bytes.data, bytes.size);
	size_t size = scanner->tail_size + bytes.size;
	size_t kept = size < TAIL ? size : TAIL;
	digest(scanner, span_of(joined, size - kept));
	memcpy(scanner->tail, joined + size - kept, kept);
	scanner->tail_size = kept;
}

/* One call for many lines: the digest is what costs most. */
static void
end_run(void *context)
{
	struct mbox_scanner *scanner = context;
	if (scanner->run.size > 0)
		add_body(scanner, scanner->run);
	scanner->run = SPAN("");
}

/* The bytes of the separator at the end of the body: none, LF or CRLF. */
static size_t
separator(const struct mbox_scanner *scanner)
{
	struct span tail = span_of(scanner->tail, scanner->tail_size);
	bool is_all = scanner->body_size == tail.size;
	if (is_all && (span_equals(tail, SPAN("\n")) ||
		span_equals(tail, SPAN("\r\n"))))
		return tail.size;
	if (span_ends_nocase(tail, SPAN("\n\n")))
		return 1;
	return span_ends_nocase(tail, SPAN("\n\r\n")) ? 2 : 0;
}

/* ---- the header ---- */

static void
begin_field(struct mbox_scanner *scanner, struct mbox_message *message,
	const struct mbox_line *line)
{
	struct span value;
	scanner->field = mbox_field_of(line->bytes, &value);
	if (scanner->field == MBOX_FIELD_NONE) {
		if (span_starts_nocase(line->bytes, SPAN("Subject:"))) {
			value = span_trim(span_skip(line->bytes, 8));
			value = span_first(value, SUBJECT);
			memcpy(scanner->subject, value.data, value.size);
			scanner->subject_size = value.size;
		}
		return;
	}
	struct mbox_value *found = &message->value[scanner->field];
	if (found->count++ > 0)
		return;
	size_t room = value.size;
	while (room > 0 && (value.data[room - 1] == '\n' ||
		value.data[room - 1] == '\r'))
		room--;
	found->offset = line->offset +
		(uint64_t)(value.data - line->bytes.data);
	found->room = room;
	found->is_folded = !line->ends;
	buffer_add(&scanner->text[scanner->field], value);
}

/* A line of the header, or a piece of one. */
static void
read_field(struct mbox_scanner *scanner, struct mbox_message *message,
	const struct mbox_line *line)
{
	char first = line->bytes.data[0];
	if (line->begins && first != ' ' && first != '\t') {
		begin_field(scanner, message, line);
	} else if (scanner->field != MBOX_FIELD_NONE &&
		message->value[scanner->field].count == 1) {
		message->value[scanner->field].is_folded = true;
		buffer_add(&scanner->text[scanner->field], line->bytes);
	}
	if (scanner->field == MBOX_FIELD_NONE)
		add_visible(scanner, line);
}

/* The bytes of an end of line that `text` begins with, or 0. */
static size_t
line_end(struct span text)
{
	return span_starts(text, SPAN("\n")) ? 1 :
		span_starts(text, SPAN("\r\n")) ? 2 : 0;
}

/* Is what stands at `offset` the end of a message, as a Content-Length says?
 * *next: where the next message is then. There may be an empty line between,
 * and before it the end of the last line, if the message has none. */
static int
is_end(struct mbox_scanner *scanner, uint64_t offset, uint64_t *next,
	bool *is_end, struct error *error)
{
	char around[1 + 2 + 2];
	const struct mbox_source *source = scanner->source;
	*is_end = false;
	if (offset > source->end)
		return 0;
	uint64_t left = source->end - offset;
	size_t size = left < sizeof(around) - 1 ? (size_t)left :
		sizeof(around) - 1;
	if (source->read(source->context, offset - 1, around, 1 + size,
			error) < 0)
		return -1;
	struct span text = span_of(around + 1, size);
	size_t end = around[0] == '\n' ? 0 : line_end(text);
	*is_end = around[0] == '\n' || end > 0 || size == 0;
	*next = offset + end + line_end(span_skip(text, end));
	if (!*is_end || *next == source->end)
		return 0;
	return mbox_scan_is_from(source, *next, is_end, error);
}

/* Where the message ends by its Content-Length, or 0. */
static int
believed_end(struct mbox_scanner *scanner, struct mbox_message *message,
	uint64_t *end, struct error *error)
{
	const struct mbox_value *value = &message->value[MBOX_CONTENT_LENGTH];
	uint64_t length;
	bool is_good;
	*end = 0;
	if (value->count != 1 || !span_to_number(value->text, INT64_MAX / 2,
			&length))
		return 0;
	message->is_claiming = message->body + length > scanner->source->end;
	if (is_end(scanner, message->body + length, end, &is_good, error) < 0)
		return -1;
	if (!is_good)
		*end = 0;
	return 0;
}

static void
set_values(struct mbox_scanner *scanner, struct mbox_message *message)
{
	for (int i = 0; i < MBOX_FIELD_COUNT; i++)
		message->value[i].text =
			span_trim(buffer_span(&scanner->text[i]));
	message->is_internal = message->value[MBOX_X_IMAP].count > 0 &&
		span_starts(span_of(scanner->subject, scanner->subject_size),
			SPAN("DON'T DELETE THIS MESSAGE"));
}

static int
read_head(struct mbox_scanner *scanner, struct mbox_message *message,
	struct error *error)
{
	struct mbox_line line;
	int result;
	scanner->field = MBOX_FIELD_NONE;
	scanner->last = '\n';
	while ((result = next_line(scanner, &line, error)) > 0 &&
		!is_empty(&line))
		read_field(scanner, message, &line);
	if (result < 0)
		return -1;
	set_values(scanner, message);
	message->has_head_end = result > 0;
	message->head_end = result > 0 ? line.offset : scanner->source->end;
	message->body = message->head_end + (result > 0 ? line.bytes.size : 0);
	add_visible(scanner, result > 0 ? &line :
		&(struct mbox_line){ .bytes = SPAN("\n"), .ends = true });
	return 0;
}

/* ---- the body ---- */

static void
read_text(struct mbox_scanner *scanner, const struct mbox_line *line)
{
	char first = line->bytes.data[0];
	if (line->begins && (first == 'F' || first == '>')) {
		int quotes = mbox_scan_quotes(line->bytes);
		scanner->has_raw_from |= quotes == 0;
		scanner->lone_quotes += quotes > 0;
	}
	if (scanner->run.data + scanner->run.size != line->bytes.data)
		end_run(scanner);
	if (scanner->run.size == 0)
		scanner->run.data = line->bytes.data;
	scanner->run.size += line->bytes.size;
	count(scanner, line->bytes);
}

static void
finish(struct mbox_scanner *scanner, struct mbox_message *message)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	end_run(scanner);
	size_t cut = separator(scanner);
	message->ends_well = cut > 0;
	message->body_end = message->end - cut;
	message->is_unquoted = scanner->has_raw_from;
	digest(scanner, span_of(scanner->tail, scanner->tail_size - cut));
	scanner->size -= cut > 0 ? 2 : 0;
	if (cut == 0 && scanner->body_size > 0)
		end_line(scanner);
	message->size = scanner->size -
		(scanner->has_raw_from ? 0 : scanner->lone_quotes);
	must(EVP_DigestFinal_ex(scanner->digest, hash, NULL));
	memcpy(message->key, hash, FORMAT_KEY_SIZE);
}

static int
read_body(struct mbox_scanner *scanner, struct mbox_message *message,
	struct error *error)
{
	struct mbox_line line;
	struct mbox_from from;
	uint64_t believed;
	bool is_after_empty = true;
	int result;
	if (believed_end(scanner, message, &believed, error) < 0)
		return -1;
	while ((result = next_line(scanner, &line, error)) > 0) {
		if ((line.offset == believed || (is_after_empty &&
			line.offset > believed)) && is_from(&line, &from))
			break;
		is_after_empty = is_empty(&line);
		read_text(scanner, &line);
	}
	if (result < 0)
		return -1;
	scanner->has_line = result > 0;
	message->end = result > 0 ? line.offset : scanner->source->end;
	finish(scanner, message);
	return 0;
}

/* ---- messages ---- */

static void
begin(struct mbox_scanner *scanner)
{
	for (int i = 0; i < MBOX_FIELD_COUNT; i++)
		buffer_clear(&scanner->text[i]);
	scanner->subject_size = scanner->tail_size = 0;
	scanner->size = scanner->lone_quotes = scanner->body_size = 0;
	scanner->has_raw_from = false;
	must(EVP_DigestInit_ex(scanner->digest, NULL, NULL));
}

struct mbox_scanner *
mbox_scanner_new(const struct mbox_source *source, uint64_t offset,
	bool heads_only)
{
	struct mbox_scanner *scanner = memory_new(sizeof(*scanner));
	scanner->source = source;
	scanner->heads_only = heads_only;
	mbox_lines_init(&scanner->lines, source, offset,
		heads_only ? MBOX_WINDOW_HEAD : MBOX_WINDOW);
	scanner->lines.leave = end_run;
	scanner->lines.context = scanner;
	scanner->run = SPAN("");
	for (int i = 0; i < MBOX_FIELD_COUNT; i++)
		buffer_init(&scanner->text[i], MBOX_VALUE_LIMIT);
	scanner->digest = EVP_MD_CTX_new();
	assert(scanner->digest != NULL);
	must(EVP_DigestInit_ex(scanner->digest, EVP_sha256(), NULL));
	return scanner;
}

void
mbox_scanner_free(struct mbox_scanner **scanner)
{
	if (*scanner == NULL)
		return;
	mbox_lines_fini(&(*scanner)->lines);
	for (int i = 0; i < MBOX_FIELD_COUNT; i++)
		buffer_fini(&(*scanner)->text[i]);
	EVP_MD_CTX_free((*scanner)->digest);
	memory_free(*scanner);
	*scanner = NULL;
}

int
mbox_scanner_next(struct mbox_scanner *scanner, struct mbox_message *message,
	struct error *error)
{
	struct mbox_line line;
	struct mbox_from from;
	int result = next_line(scanner, &line, error);
	while (result > 0 && is_empty(&line))
		result = next_line(scanner, &line, error);
	if (result <= 0)
		return result;
	if (!is_from(&line, &from))
		return error_set(error, ERROR_DAMAGED,
			"there is no From line at byte %llu",
			(unsigned long long)line.offset);
	begin(scanner);
	*message = (struct mbox_message){ .place = line.offset,
		.head = line.offset + line.bytes.size, .date = from.date,
		.zone = from.zone };
	if (read_head(scanner, message, error) < 0)
		return -1;
	if (!scanner->heads_only && read_body(scanner, message, error) < 0)
		return -1;
	return 1;
}
