/*
 * Files that call themselves mboxes. The messages lie one behind the other to
 * the end of the file; each is found again alone, from where it begins, with
 * the same key and size; what is appended leaves those before it as they were;
 * and what a file's message reads as is written and read back the same.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "store/mbox_content.h"


static void
shift(struct mbox_message *message)
{
	uint64_t by = message->place;
	message->place -= by;
	message->head -= by;
	message->head_end -= by;
	message->body -= by;
	message->body_end -= by;
	message->end -= by;
}

/* Its only message, in the wire's form. */
static void
read_one(struct span file, struct mbox_message *message, struct buffer *wire)
{
	struct mbox_source source = mbox_source_memory(&file);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
	struct error error;
	int result = mbox_scanner_next(scanner, message, &error);
	assert(result == 1 && message->place == 0 && message->end == file.size);
	mbox_content_read(file, message, wire);
	assert(wire->size == message->size);
	mbox_scanner_free(&scanner);
}

static int
collect(void *context, struct span bytes, struct error *error)
{
	(void)error;
	buffer_add(context, bytes);
	return 0;
}

static void
write_one(struct span wire, struct buffer *file, uint8_t key[FORMAT_KEY_SIZE])
{
	static const struct store_flags none;
	struct mbox_source source = mbox_source_memory(&wire);
	struct mbox_measure measure;
	struct error error;
	const struct mbox_writing writing = { &source, &measure, &none, 0,
		collect, file };
	int result = mbox_content_measure(&source, &measure, &error);
	assert(result == 0);
	result = mbox_content_write(&writing, key, &error);
	assert(result == 0);
}

/* After one writing nothing is left that a mailbox cannot hold. */
static void
write_and_read(struct span wire)
{
	struct mbox_message message;
	uint8_t key[FORMAT_KEY_SIZE];
	struct buffer file[2], back[2];
	for (int i = 0; i < 2; i++) {
		buffer_init(&file[i], 0);
		buffer_init(&back[i], 0);
		write_one(i == 0 ? wire : buffer_span(&back[0]), &file[i], key);
		read_one(buffer_span(&file[i]), &message, &back[i]);
		assert(memcmp(key, message.key, sizeof(key)) == 0);
		assert(message.ends_well);
	}
	/* CRs that stand in a row before an LF go one by one. */
	if (span_search(wire, SPAN("\r\r")) == wire.size)
		assert(span_equals(buffer_span(&back[0]), buffer_span(&back[1])));
	for (int i = 0; i < 2; i++) {
		buffer_fini(&file[i]);
		buffer_fini(&back[i]);
	}
}

static void
check_message(struct span file, struct mbox_message *message)
{
	struct mbox_message alone;
	struct buffer wire;
	struct span raw = span_first(span_skip(file, message->place),
		message->end - message->place);
	buffer_init(&wire, 0);
	read_one(raw, &alone, &wire);
	shift(message);
	assert(alone.body_end == message->body_end &&
		alone.size == message->size && alone.body == message->body);
	assert(memcmp(alone.key, message->key, FORMAT_KEY_SIZE) == 0);
	write_and_read(buffer_span(&wire));
	buffer_fini(&wire);
}

/* Of all messages: where the last begins, and whether one claims more. */
static bool
scan(struct span file, uint64_t *last, unsigned *count)
{
	struct mbox_source source = mbox_source_memory(&file);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
	struct mbox_message message;
	struct error error;
	uint64_t at = 0;
	bool is_claiming = false;
	int result;
	*count = 0;
	while ((result = mbox_scanner_next(scanner, &message, &error)) > 0) {
		assert(*count == 0 || message.place == at);
		assert(message.place < message.head && message.head <=
			message.head_end && message.head_end <= message.body &&
			message.body <= message.body_end &&
			message.body_end <= message.end);
		at = message.end;
		*last = message.place;
		is_claiming |= message.is_claiming;
		(*count)++;
		check_message(file, &message);
	}
	/* What is not one is found out at its beginning only. */
	assert(result == 0 || *count == 0);
	assert(result < 0 || *count == 0 || at == file.size);
	mbox_scanner_free(&scanner);
	return result == 0 && !is_claiming;
}

/* A delivery behind it changes nothing before it. */
static void
append(struct span file, uint64_t last, unsigned count)
{
	uint8_t key[FORMAT_KEY_SIZE];
	uint64_t new_last;
	unsigned new_count;
	struct buffer grown;
	buffer_init(&grown, 0);
	buffer_add(&grown, file);
	if (!span_ends_nocase(file, SPAN("\n")))
		buffer_add_byte(&grown, '\n');
	if (!span_ends_nocase(buffer_span(&grown), SPAN("\n\n")))
		buffer_add_byte(&grown, '\n');
	uint64_t end = grown.size;
	write_one(SPAN("A: 1\r\n\r\nnew\r\n"), &grown, key);
	scan(buffer_span(&grown), &new_last, &new_count);
	assert(new_last == end && new_count == count + 1 && last < end);
	buffer_fini(&grown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = span_of(data, size);
	uint64_t last;
	unsigned count;
	if (scan(file, &last, &count) && count > 0)
		append(file, last, count);
	write_and_read(file);
	return 0;
}
