/*
 * The head record and its base. A head holds everything, or everything that
 * changed since a base record that it points to, so that its size depends on
 * what happens and not on how many mailboxes there are.
 */
#include "store/head.h"

#include <string.h>

#include "base/memory.h"

enum {
	HEAD_VERSION = 1,
	HEAD_BASE_LIMIT = 64 << 20,	/* bytes of a base that is believed */
	HEAD_SMALL = 600,		/* a head up to this needs no base */
};

/* ---- writing ---- */

static unsigned
what_of(const struct mailbox_facts *facts)
{
	return (facts->is_subscribed ? RECORD_SUBSCRIBED : 0) |
		(facts->is_name_only ? RECORD_NAME_ONLY : 0);
}

static void
add_entry(struct buffer *out, const struct mailbox *mailbox, bool as_in_base)
{
	const struct mailbox_facts *facts = &mailbox->working;
	record_put_entry(out, &(struct record_entry){
		.id = mailbox->id,
		.what = what_of(facts) | (as_in_base ? RECORD_AS_IN_BASE : 0),
		.uid_validity = facts->uid_validity,
		.uid_next = facts->uid_next,
		.modseq = facts->modseq,
		.use = facts->use,
		.name = facts->name,
	});
}

static bool
is_in(const struct mailbox *mailbox, bool only_changed)
{
	return mailbox->working.is_there &&
		(!only_changed || mailbox->since_base != BASE_SAME);
}

static void
add_entries(const struct account *account, struct buffer *out,
	bool only_changed)
{
	size_t count = 0;
	for (size_t i = 0; i < account->mailbox_count; i++)
		count += is_in(account->mailbox[i], only_changed);
	codec_add_varint(out, count);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (is_in(mailbox, only_changed))
			add_entry(out, mailbox, only_changed &&
				mailbox->since_base == BASE_NUMBERS);
	}
}

static void
add_transactions(const struct account *account, struct buffer *out,
	size_t first)
{
	codec_add_varint(out, account->transaction_count - first);
	for (size_t i = first; i < account->transaction_count; i++) {
		buffer_add_u64(out, account->transaction[i].key);
		codec_add_varint(out, (uint64_t)account->transaction[i].second);
	}
}

void
head_encode_base(const struct account *account, struct buffer *out)
{
	buffer_clear(out);
	buffer_add_byte(out, HEAD_VERSION);
	add_entries(account, out, false);
	add_transactions(account, out, 0);
}

void
head_encode(const struct account *account, struct buffer *out)
{
	const struct head_base *base = &account->base;
	const struct counters *counters = &account->working;
	bool has_base = base->position.segment != 0;
	buffer_clear(out);
	buffer_add_byte(out, HEAD_VERSION);
	buffer_add_byte(out, has_base);
	if (has_base) {
		codec_add_varint(out, base->position.segment);
		codec_add_varint(out, base->position.offset);
		codec_add_varint(out, base->size);
	}
	codec_add_varint(out, counters->modseq);
	codec_add_varint(out, counters->next_mailbox);
	codec_add_varint(out, counters->uid_validity);
	codec_add_varint(out, counters->bytes);
	codec_add_varint(out, counters->messages);
	codec_add_varint(out, base->gone_count);
	for (size_t i = 0; i < base->gone_count; i++)
		codec_add_varint(out, base->gone[i]);
	add_entries(account, out, has_base);
	add_transactions(account, out, base->transactions);
}

bool
head_wants_base(const struct account *account)
{
	const struct head_base *base = &account->base;
	uint64_t full = base->position.segment != 0 ? base->size :
		account->head.size;
	return account->head.size > HEAD_SMALL &&
		base->heads_size > 2 * full + 4096;
}

void
head_has_base(struct account *account, struct log_position position,
	uint64_t size)
{
	struct head_base *base = &account->base;
	base->position = position;
	base->size = size;
	base->heads_size = 0;
	base->gone_count = base->gone_published = 0;
	base->transactions = account->transaction_count;
	for (size_t i = 0; i < account->mailbox_count; i++)
		account->mailbox[i]->since_base = BASE_SAME;
}

void
head_forget_base(struct account *account)
{
	account->base.position = (struct log_position){ 0, 0 };
	account->base.gone_count = account->base.gone_published = 0;
	account->base.transactions = 0;
}

void
head_mailbox_gone(struct account *account, uint32_t mailbox)
{
	struct head_base *base = &account->base;
	if (base->gone_count % 16 == 0)
		base->gone = memory_resize(base->gone,
			(base->gone_count + 16) * sizeof(*base->gone));
	base->gone[base->gone_count++] = mailbox;
}

/* ---- reading ---- */

static void
take_entry(struct account *account, const struct record_entry *entry)
{
	struct mailbox *mailbox = account_mailbox(account, entry->id);
	if (mailbox == NULL)
		mailbox = account_mailbox_add(account, entry->id);
	struct mailbox_facts *facts = &mailbox->working;
	facts->is_there = true;
	facts->is_subscribed = (entry->what & RECORD_SUBSCRIBED) != 0;
	facts->is_name_only = (entry->what & RECORD_NAME_ONLY) != 0;
	facts->uid_validity = entry->uid_validity;
	facts->uid_next = entry->uid_next;
	facts->modseq = entry->modseq;
	if ((entry->what & RECORD_AS_IN_BASE) != 0)
		return;
	facts->use = entry->use;
	mailbox_set_name(mailbox, entry->name);
}

static void
read_entries(struct account *account, struct codec_reader *reader,
	bool is_base)
{
	uint64_t count = codec_read_number(reader, reader->rest.size);
	while (count-- > 0 && !reader->is_failed) {
		struct record_entry entry;
		record_get_entry(reader, &entry);
		if (reader->is_failed)
			return;
		bool as_in_base = (entry.what & RECORD_AS_IN_BASE) != 0;
		if (as_in_base && (is_base ||
		    account_mailbox(account, entry.id) == NULL)) {
			reader->is_failed = true;
			return;
		}
		take_entry(account, &entry);
		account_mailbox(account, entry.id)->since_base = is_base ?
			BASE_SAME : as_in_base ? BASE_NUMBERS : BASE_ALL;
	}
}

static void
read_transactions(struct account *account, struct codec_reader *reader)
{
	uint64_t count = codec_read_number(reader, reader->rest.size);
	while (count-- > 0 && !reader->is_failed) {
		uint64_t key = codec_read_u64(reader);
		int64_t second = (int64_t)codec_read_varint(reader);
		if (!reader->is_failed)
			head_transaction_add(account, key, second);
	}
}

void
head_read_base(struct account *account, struct codec_reader *reader)
{
	if (codec_read_byte(reader) != HEAD_VERSION)
		reader->is_failed = true;
	read_entries(account, reader, true);
	read_transactions(account, reader);
	account->base.transactions = account->transaction_count;
}

static int
read_base(struct account *account, struct error *error)
{
	struct buffer bytes;
	struct codec_reader reader;
	buffer_init(&bytes, HEAD_BASE_LIMIT);
	int result = -1;
	if (!buffer_reserve(&bytes, account->base.size)) {
		error_set(error, ERROR_DAMAGED, "the base of a head is too long");
		goto out;
	}
	bytes.size = account->base.size;
	result = log_read(account->log, account->base.position, bytes.data,
		bytes.size, error);
	if (result < 0)
		goto out;
	codec_reader_init(&reader, buffer_span(&bytes));
	head_read_base(account, &reader);
	if (!codec_reader_is_done(&reader))
		result = error_set(error, ERROR_DAMAGED,
			"the base of a head is not one");
out:
	buffer_fini(&bytes);
	return result;
}

static void
read_gone(struct account *account, struct codec_reader *reader)
{
	uint64_t count = codec_read_number(reader, reader->rest.size);
	for (uint64_t i = 0; i < count && !reader->is_failed; i++) {
		uint32_t id = (uint32_t)codec_read_number(reader, UINT32_MAX);
		struct mailbox *mailbox = account_mailbox(account, id);
		head_mailbox_gone(account, id);
		if (mailbox == NULL)
			continue;
		mailbox->working.is_there = false;
		account_mailbox_remove(account, mailbox);
	}
	account->base.gone_published = account->base.gone_count;
}

int
head_decode(struct account *account, struct span head, struct error *error)
{
	struct codec_reader reader;
	struct head_base *base = &account->base;
	struct counters *counters = &account->working;
	codec_reader_init(&reader, head);
	if (codec_read_byte(&reader) != HEAD_VERSION)
		return error_set(error, ERROR_DAMAGED,
			"the head of account %016llx has a version unknown here",
			(unsigned long long)account->id);
	if (codec_read_byte(&reader) == 1) {
		base->position.segment = codec_read_varint(&reader);
		base->position.offset = codec_read_varint(&reader);
		base->size = codec_read_varint(&reader);
		if (!reader.is_failed && read_base(account, error) < 0)
			return -1;
	}
	counters->modseq = codec_read_varint(&reader);
	counters->next_mailbox = (uint32_t)codec_read_number(&reader,
		UINT32_MAX);
	counters->uid_validity = (uint32_t)codec_read_number(&reader,
		UINT32_MAX);
	counters->bytes = codec_read_varint(&reader);
	counters->messages = codec_read_varint(&reader);
	read_gone(account, &reader);
	read_entries(account, &reader, false);
	read_transactions(account, &reader);
	if (!codec_reader_is_done(&reader))
		return error_set(error, ERROR_DAMAGED,
			"the head of account %016llx is damaged",
			(unsigned long long)account->id);
	return 0;
}

/* ---- transactions ---- */

uint64_t
head_transaction_key(struct span transaction, uint32_t mailbox)
{
	struct codec_reader reader;
	codec_reader_init(&reader, transaction);
	uint64_t low = codec_read_u64(&reader);
	uint64_t high = codec_read_u64(&reader);
	return (low ^ (high << 1 | high >> 63)) +
		mailbox * (uint64_t)0x9e3779b97f4a7c15;
}

bool
head_transaction_is_known(const struct account *account, uint64_t key,
	int64_t second)
{
	for (size_t i = account->transaction_count; i > 0; i--) {
		const struct transaction *known = &account->transaction[i - 1];
		if (known->key == key)
			return known->second > second - TRANSACTION_SECONDS;
	}
	return false;
}

void
head_transaction_add(struct account *account, uint64_t key, int64_t second)
{
	size_t count = account->transaction_count;
	if (count % 16 == 0)
		account->transaction = memory_resize(account->transaction,
			(count + 16) * sizeof(*account->transaction));
	account->transaction[account->transaction_count++] =
		(struct transaction){ key, second };
}

void
head_transactions_trim(struct account *account, int64_t second)
{
	size_t count = account->transaction_count, old = 0;
	while (old < count && (count - old > TRANSACTION_LIMIT ||
	    account->transaction[old].second <= second - TRANSACTION_SECONDS))
		old++;
	/* In pieces, so that not every message moves the list. */
	if (old == 0 || (old < 32 && old < count))
		return;
	memmove(account->transaction, account->transaction + old,
		(count - old) * sizeof(*account->transaction));
	account->transaction_count -= old;
	account->base.transactions -= old < account->base.transactions ? old :
		account->base.transactions;
}
