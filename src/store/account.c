/*
 * An account as a thing in memory: its mailboxes in two versions, opening its
 * log, closing it.
 */
#include "store/account.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/commit.h"
#include "store/compact.h"
#include "store/head.h"
#include "store/mirror.h"
#include "store/replay.h"
#include "store/store_inner.h"

void
account_id_text(uint64_t id, char out[ACCOUNT_ID_TEXT])
{
	snprintf(out, ACCOUNT_ID_TEXT, "%016llx", (unsigned long long)id);
}

bool
account_allows(const struct store_account *handle)
{
	return handle->actor == 0 || handle->actor == handle->account->id;
}

/* ---- mailboxes ---- */

/* The first with this id or a higher one. */
static size_t
find_mailbox(const struct account *account, uint32_t id)
{
	size_t low = 0, high = account->mailbox_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (account->mailbox[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct mailbox *
account_mailbox(const struct account *account, uint32_t id)
{
	size_t at = find_mailbox(account, id);
	return at < account->mailbox_count && account->mailbox[at]->id == id ?
		account->mailbox[at] : NULL;
}

struct mailbox *
account_mailbox_add(struct account *account, uint32_t id)
{
	size_t at = find_mailbox(account, id);
	assert(at == account->mailbox_count || account->mailbox[at]->id != id);
	if (account->mailbox_count == account->mailbox_room) {
		account->mailbox_room = account->mailbox_room * 2 + 8;
		account->mailbox = memory_resize(account->mailbox,
			account->mailbox_room * sizeof(*account->mailbox));
	}
	memmove(account->mailbox + at + 1, account->mailbox + at,
		(account->mailbox_count - at) * sizeof(*account->mailbox));
	struct mailbox *mailbox = memory_new(sizeof(*mailbox));
	mailbox->id = id;
	mailbox->since_base = BASE_ALL;
	account->mailbox[at] = mailbox;
	account->mailbox_count++;
	return mailbox;
}

void
account_mailbox_remove(struct account *account, struct mailbox *mailbox)
{
	size_t at = find_mailbox(account, mailbox->id);
	assert(account->mailbox[at] == mailbox);
	assert(mailbox->tree == NULL && mailbox->published_tree == NULL);
	account->mailbox_count--;
	memmove(account->mailbox + at, account->mailbox + at + 1,
		(account->mailbox_count - at) * sizeof(*account->mailbox));
	if (mailbox->working.name.data != mailbox->published.name.data)
		memory_free((char *)mailbox->working.name.data);
	memory_free((char *)mailbox->published.name.data);
	memory_free(mailbox);
}

struct mailbox *
account_mailbox_named(const struct account *account, struct span name)
{
	for (size_t i = 0; i < account->mailbox_count; i++) {
		struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->working.is_there &&
		    span_equals(mailbox->working.name, name))
			return mailbox;
	}
	return NULL;
}

static void
drop_name(const struct mailbox_facts *facts,
	const struct mailbox_facts *other)
{
	if (facts->name.data != other->name.data)
		memory_free((char *)facts->name.data);
}

void
mailbox_set_name(struct mailbox *mailbox, struct span name)
{
	char *copy = memory_new(name.size);
	memcpy(copy, name.data, name.size);
	drop_name(&mailbox->working, &mailbox->published);
	mailbox->working.name = span_of(copy, name.size);
}

void
mailbox_publish(struct mailbox *mailbox)
{
	drop_name(&mailbox->published, &mailbox->working);
	mailbox->published = mailbox->working;
	if (mailbox->recent == 0)
		mailbox->recent = 1;	/* made now: all of it is */
}

void
mailbox_revert(struct mailbox *mailbox)
{
	drop_name(&mailbox->working, &mailbox->published);
	mailbox->working = mailbox->published;
}

/* ---- opening and closing ---- */

struct account *
account_new(struct store *store, uint64_t id)
{
	struct account *account = memory_new(sizeof(*account));
	account->store = store;
	account->id = id;
	account->state = ACCOUNT_OPENING;
	pthread_mutex_init(&account->lock, NULL);
	pthread_cond_init(&account->gathered, NULL);
	buffer_init(&account->head, 0);
	account->compactor = compactor_new();
	if (store->format != NULL)
		account->mirror = mirror_new(account, store->format);
	return account;
}

static void
publish_head(struct account *account)
{
	account->published = account->working;
	account->transaction_published = account->transaction_count;
	for (size_t i = 0; i < account->mailbox_count; i++) {
		struct mailbox *mailbox = account->mailbox[i];
		mailbox->recent = mailbox->working.uid_next;
		mailbox_publish(mailbox);
	}
}

static void
forget_head(struct account *account)
{
	for (size_t i = account->mailbox_count; i > 0; i--) {
		struct mailbox *mailbox = account->mailbox[i - 1];
		mailbox->working.is_there = mailbox->published.is_there = false;
		tree_free(&mailbox->tree);
		tree_free(&mailbox->published_tree);
		account_mailbox_remove(account, mailbox);
	}
	account->working = (struct counters){ .next_mailbox = 1 };
	account->transaction_count = account->transaction_published = 0;
	account->base.position = (struct log_position){ 0, 0 };
	account->base.size = account->base.transactions = 0;
	account->base.gone_count = account->base.gone_published = 0;
}

/* The head cannot be read: what the records say, all of them. */
static int
recover_head(struct account *account, struct error *error)
{
	struct index *index;
	char id[ACCOUNT_ID_TEXT];
	account_id_text(account->id, id);
	log_event(LOG_WARN, "head-recovered", NULL, LOG_TEXT("account", id),
		LOG_TEXT("reason", error->text));
	forget_head(account);
	if (index_open(-1, NULL, INDEX_ANEW, &index, error) < 0)
		return -1;
	int result = replay_log(account, index, NULL, true, error);
	/* The index itself is made later, in its place. */
	for (size_t i = account->mailbox_count; i > 0; i--) {
		struct mailbox *mailbox = account->mailbox[i - 1];
		tree_free(&mailbox->tree);
		tree_free(&mailbox->published_tree);
		mailbox->since_base = BASE_ALL;
		if (!mailbox->working.is_there && !mailbox->published.is_there)
			account_mailbox_remove(account, mailbox);
	}
	index_free(&index);
	account->base.transactions = 0;
	return result;
}

int
account_start(struct account *account, bool create, bool *is_new,
	struct error *error)
{
	struct store *store = account->store;
	struct buffer head;
	buffer_init(&head, 0);
	account->working.next_mailbox = 1;
	int result = log_open(store->engine, account->id, create,
		store->segment_size, store->wall_clock, &account->log, &head,
		error);
	if (result < 0)
		goto out;
	*is_new = log_end(account->log).mark.segment == 0;
	if (*is_new)
		goto out;
	if (head.size == 0)
		result = error_set(error, ERROR_DAMAGED, "it has no head");
	else
		result = head_decode(account, buffer_span(&head), error);
	if (result < 0 && error->code == ERROR_DAMAGED)
		result = recover_head(account, error);
	if (result == 0) {
		buffer_add(&account->head, buffer_span(&head));
		publish_head(account);
	}
out:
	buffer_fini(&head);
	return result;
}

void
account_stop(struct account *account)
{
	struct error error;
	struct index *index = account->index;
	assert(account->first == NULL && !account->is_led);
	mirror_free(&account->mirror);
	if (index != NULL && !atomic_load(&index->is_broken) &&
	    index_is_dirty(index) && index_flush(index, &error) < 0)
		log_event(LOG_WARN, "index-not-written", NULL,
			LOG_TEXT("reason", error.text));
	account_index_close(account);
	forget_head(account);
	log_close(&account->log);
}

void
account_free(struct account **account)
{
	struct account *old = *account;
	*account = NULL;
	if (old == NULL)
		return;
	assert(old->log == NULL);
	memory_free(old->mailbox);
	memory_free(old->sorted);
	memory_free(old->transaction);
	memory_free(old->base.gone);
	compactor_free(&old->compactor);
	mirror_free(&old->mirror);
	buffer_fini(&old->head);
	pthread_cond_destroy(&old->gathered);
	pthread_mutex_destroy(&old->lock);
	memory_free(old);
}
