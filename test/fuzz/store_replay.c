/*
 * An account's log with records of any content: opening it makes something of
 * it, or refuses, and what was made can be looked at. The input is a row of
 * records: kind, flags (lowest bit: a new group begins), size in two bytes,
 * payload.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fuzz.h"
#include "store/engine.h"
#include "store/log.h"
#include "store/view.h"

enum { RECORDS = 200 };

static void
write_group(struct log *log, struct log_record *records, size_t count)
{
	struct error error;
	if (count > 0)
		assert(log_append(log, records, count, SPAN(""), &error) == 0);
}

static void
write_log(struct engine *engine, const uint8_t *data, size_t size)
{
	struct log_record record[RECORDS];
	struct iovec piece[RECORDS];
	struct buffer head;
	struct log *log;
	struct error error;
	size_t first = 0, count = 0;
	buffer_init(&head, 0);
	assert(log_open(engine, 1, true, 1 << 20, clock_wall, &log, &head,
		&error) == 0);
	while (size >= 4 && count < RECORDS) {
		size_t length = data[2] | (size_t)data[3] << 8;
		if (length > size - 4)
			length = size - 4;
		if ((data[1] & 1) != 0) {
			write_group(log, record + first, count - first);
			first = count;
		}
		piece[count] = (struct iovec){ (char *)data + 4, length };
		record[count] = (struct log_record){
			.kind = (uint16_t)(data[0] % 24 + 1),
			.flags = data[0] % 24 + 1 == 20 ? LOG_STATE_END : 0,
			.modseq = count * 2 + 1,
			.piece = &piece[count], .piece_count = 1 };
		count++;
		data += 4 + length;
		size -= 4 + length;
	}
	write_group(log, record + first, count - first);
	log_close(&log);
	buffer_fini(&head);
}

static void
look_at(struct store_account *account, uint32_t mailbox)
{
	struct store_view *view;
	struct store_view_facts facts;
	struct store_message message;
	struct error error;
	if (store_view_open(account, mailbox, &view, &error) != STORE_OK)
		return;
	store_view_facts(view, &facts);
	for (uint32_t i = 1; i <= facts.exists; i++) {
		assert(store_view_by_sequence(view, i, &message));
		assert(store_view_sequence(view, message.uid) == i);
		assert(message.uid < facts.uid_next);
	}
	store_view_close(&view);
}

static void
look_around(struct store *store)
{
	struct store_account *account;
	struct store_mailbox *mailbox;
	struct arena arena;
	struct error error;
	size_t count;
	if (store_account_open(store, 1, 1, 0, &account, &error) < 0)
		return;
	arena_init(&arena, 0);
	assert(store_mailbox_list(account, &arena, &mailbox, &count,
		&error) == STORE_OK);
	for (size_t i = 0; i < count; i++)
		if (mailbox[i].id != 0)
			look_at(account, mailbox[i].id);
	struct store_piece piece = { .bytes = SPAN("x") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	uint32_t uid;
	if (count > 0)
		store_append(account, mailbox[0].id, &message, 1, &uid, &error);
	arena_fini(&arena);
	store_account_close(&account);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_options options = { .engine = engine_memory_new() };
	struct store *store;
	struct error error;
	log_init("fuzz", -1, -1);
	write_log(options.engine, data, size);
	assert(store_open(&options, &store, &error) == 0);
	look_around(store);
	store_close(&store);
	options.engine->call->close(&options.engine);
	return 0;
}
