/*
 * Payloads of an account's records (doc/formats/records.md, "Kinds"). What is
 * decoded may come from a damaged disk: a getter says whether it is right.
 */
#include "store/record.h"

#include <string.h>

static uint32_t
read_u32_number(struct codec_reader *reader)
{
	return (uint32_t)codec_read_number(reader, UINT32_MAX);
}

/* Mailbox ids and UIDs begin with 1; the largest number is not given out. */
static uint32_t
read_id(struct codec_reader *reader)
{
	uint32_t id = (uint32_t)codec_read_number(reader, UINT32_MAX - 1);
	if (id == 0)
		reader->is_failed = true;
	return id;
}

static void
put_u64(char *out, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)(n >> 8 * i);
}

void
record_put_message(char out[RECORD_MESSAGE_BIG_SIZE],
	const struct record_message *message)
{
	put_u64(out, message->form);
	put_u64(out + 8, message->size);
	put_u64(out + 16, message->number);
}

bool
record_get_message(struct span bytes, uint64_t payload_size,
	struct record_message *message)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	uint64_t form = codec_read_u64(&reader);
	message->size = codec_read_u64(&reader);
	message->form = form == RECORD_BIG ? RECORD_BIG : RECORD_INLINE;
	if (form == RECORD_BIG)
		message->number = codec_read_u64(&reader);
	if (reader.is_failed)
		return false;
	return form == RECORD_BIG ? payload_size == RECORD_MESSAGE_BIG_SIZE :
		form == RECORD_INLINE &&
		payload_size == RECORD_MESSAGE_SIZE + message->size;
}

void
record_put_place(struct buffer *out, const struct record_place *place)
{
	codec_add_varint(out, place->mailbox);
	codec_add_varint(out, place->uid);
	codec_add_varint(out, place->email);
	codec_add_varint(out, place->size);
	codec_add_varint(out, place->flags);
	codec_add_signed(out, place->date);
	codec_add_signed(out, place->zone);
	codec_add_signed(out, place->saved);
	codec_add_bytes(out, place->transaction);
}

bool
record_get_place(struct span bytes, struct record_place *place)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	place->mailbox = read_id(&reader);
	place->uid = read_id(&reader);
	place->email = codec_read_varint(&reader);
	place->size = codec_read_varint(&reader);
	place->flags = codec_read_varint(&reader);
	place->date = codec_read_signed(&reader);
	place->zone = (int16_t)codec_read_signed(&reader);
	place->saved = codec_read_signed(&reader);
	place->transaction = codec_read_bytes(&reader);
	return codec_reader_is_done(&reader) &&
		(place->transaction.size == 0 ||
		place->transaction.size == STORE_TRANSACTION_SIZE);
}

void
record_put_found(struct buffer *out, const struct record_found *found)
{
	codec_add_varint(out, found->mailbox);
	codec_add_varint(out, found->uid);
	codec_add_varint(out, found->email);
	codec_add_varint(out, found->size);
	codec_add_varint(out, found->flags);
	codec_add_signed(out, found->date);
	codec_add_signed(out, found->zone);
	codec_add_signed(out, found->saved);
	buffer_add(out, span_of(found->key, RECORD_KEY_SIZE));
}

bool
record_get_found(struct span bytes, struct record_found *found)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	found->mailbox = read_id(&reader);
	found->uid = read_id(&reader);
	found->email = codec_read_varint(&reader);
	found->size = codec_read_varint(&reader);
	found->flags = codec_read_varint(&reader);
	found->date = codec_read_signed(&reader);
	found->zone = (int16_t)codec_read_signed(&reader);
	found->saved = codec_read_signed(&reader);
	found->key = (const uint8_t *)codec_read_raw(&reader,
		RECORD_KEY_SIZE).data;
	return codec_reader_is_done(&reader);
}

void
record_put_delivered(struct buffer *out,
	const struct record_delivered *delivered)
{
	codec_add_varint(out, delivered->mailbox);
	codec_add_signed(out, delivered->second);
	buffer_add(out, delivered->transaction);
}

bool
record_get_delivered(struct span bytes, struct record_delivered *delivered)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	delivered->mailbox = read_id(&reader);
	delivered->second = codec_read_signed(&reader);
	delivered->transaction = codec_read_raw(&reader,
		STORE_TRANSACTION_SIZE);
	return codec_reader_is_done(&reader);
}

void
record_put_flags(struct buffer *out, const struct record_flags *flags)
{
	codec_add_varint(out, flags->mailbox);
	codec_add_varint(out, flags->change);
	codec_add_varint(out, flags->flags);
	codec_add_set(out, &flags->uids);
}

bool
record_get_flags(struct span bytes, struct record_flags *flags)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	flags->mailbox = read_id(&reader);
	flags->change = (enum store_change)codec_read_number(&reader,
		STORE_REPLACE);
	flags->flags = codec_read_varint(&reader);
	codec_read_set(&reader, &flags->uids);
	return codec_reader_is_done(&reader);
}

void
record_put_expunge(struct buffer *out, const struct record_expunge *expunge)
{
	codec_add_varint(out, expunge->mailbox);
	codec_add_set(out, &expunge->uids);
}

bool
record_get_expunge(struct span bytes, struct record_expunge *expunge)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	expunge->mailbox = read_id(&reader);
	codec_read_set(&reader, &expunge->uids);
	return codec_reader_is_done(&reader);
}

void
record_put_copy(struct buffer *out, const struct record_copy *copy)
{
	codec_add_varint(out, copy->from);
	codec_add_varint(out, copy->to);
	codec_add_varint(out, copy->is_move);
	codec_add_varint(out, copy->first);
	codec_add_signed(out, copy->saved);
	codec_add_set(out, &copy->uids);
}

bool
record_get_copy(struct span bytes, struct record_copy *copy)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	copy->from = read_id(&reader);
	copy->to = read_id(&reader);
	copy->is_move = codec_read_number(&reader, 1) == 1;
	copy->first = read_id(&reader);
	copy->saved = codec_read_signed(&reader);
	codec_read_set(&reader, &copy->uids);
	return codec_reader_is_done(&reader);
}

void
record_put_entry(struct buffer *out, const struct record_entry *entry)
{
	codec_add_varint(out, entry->id);
	buffer_add_byte(out, (char)entry->what);
	codec_add_varint(out, entry->uid_validity);
	codec_add_varint(out, entry->uid_next);
	codec_add_varint(out, entry->modseq);
	if ((entry->what & RECORD_AS_IN_BASE) != 0)
		return;
	codec_add_varint(out, entry->use);
	codec_add_bytes(out, entry->name);
}

void
record_get_entry(struct codec_reader *reader, struct record_entry *entry)
{
	*entry = (struct record_entry){ .id = read_id(reader) };
	entry->what = codec_read_byte(reader);
	entry->uid_validity = read_u32_number(reader);
	entry->uid_next = read_u32_number(reader);
	entry->modseq = codec_read_varint(reader);
	if ((entry->what & RECORD_AS_IN_BASE) != 0)
		return;
	entry->use = (unsigned)codec_read_number(reader, 0xffff);
	entry->name = codec_read_bytes(reader);
	if (entry->name.size == 0 || entry->name.size > STORE_NAME_LIMIT)
		reader->is_failed = true;
}

void
record_put_keyword(struct buffer *out, const struct record_keyword *keyword)
{
	codec_add_varint(out, keyword->mailbox);
	codec_add_varint(out, keyword->number);
	codec_add_bytes(out, keyword->name);
}

bool
record_get_keyword(struct span bytes, struct record_keyword *keyword)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	keyword->mailbox = read_id(&reader);
	keyword->number = (unsigned)codec_read_number(&reader,
		STORE_KEYWORD_LIMIT - 1);
	keyword->name = codec_read_bytes(&reader);
	return codec_reader_is_done(&reader) && keyword->name.size > 0 &&
		keyword->name.size <= STORE_KEYWORD_SIZE;
}

void
record_put_annotation(struct buffer *out,
	const struct record_annotation *annotation)
{
	codec_add_varint(out, annotation->mailbox);
	codec_add_varint(out, annotation->uid);
	codec_add_bytes(out, annotation->bytes);
}

bool
record_get_annotation(struct span bytes,
	struct record_annotation *annotation)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	annotation->mailbox = read_id(&reader);
	annotation->uid = read_id(&reader);
	annotation->bytes = codec_read_bytes(&reader);
	return codec_reader_is_done(&reader);
}

void
record_put_moved_body(struct buffer *out, uint64_t email, uint64_t record,
	size_t placements)
{
	codec_add_varint(out, email);
	codec_add_varint(out, record);
	codec_add_varint(out, placements);
}

void
record_put_moved_placement(struct buffer *out, uint32_t mailbox, uint32_t uid)
{
	codec_add_varint(out, mailbox);
	codec_add_varint(out, uid);
}

void
record_moved_init(struct record_moved_reader *reader, struct span bytes)
{
	*reader = (struct record_moved_reader){ .bodies = 0 };
	codec_reader_init(&reader->codec, bytes);
	reader->bodies = codec_read_number(&reader->codec, bytes.size);
}

bool
record_moved_next(struct record_moved_reader *reader,
	struct record_moved *moved)
{
	struct codec_reader *codec = &reader->codec;
	while (reader->placements == 0 && reader->bodies > 0 &&
	    !codec->is_failed) {
		reader->bodies--;
		reader->body.email = codec_read_varint(codec);
		reader->body.record = codec_read_varint(codec);
		reader->placements = codec_read_number(codec, codec->rest.size);
	}
	if (reader->placements == 0 || codec->is_failed)
		return false;
	reader->placements--;
	*moved = reader->body;
	moved->mailbox = read_id(codec);
	moved->uid = read_id(codec);
	return !codec->is_failed;
}
