/*
 * Opening an account's index: what its file has, then what the log has beyond
 * it; or, when the file is doubtful, everything from the log. All of it by the
 * account's leader, while operations wait.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/change.h"
#include "store/commit.h"
#include "store/replay.h"
#include "store/store_inner.h"

struct loading {
	struct account *account;
	struct index *index;
	struct mailbox *mailbox;	/* the last one, for its summaries */
	struct log_applied applied;
	bool has_mailboxes;
};

/* ---- what the file has ---- */

static struct mailbox *
get_mailbox(struct account *account, uint64_t id)
{
	struct mailbox *mailbox;
	if (id == 0 || id > UINT32_MAX)
		return NULL;
	mailbox = account_mailbox(account, (uint32_t)id);
	if (mailbox != NULL)
		return mailbox;
	pthread_mutex_lock(&account->lock);
	mailbox = account_mailbox_add(account, (uint32_t)id);
	pthread_mutex_unlock(&account->lock);
	return mailbox;
}

static int
refuse(struct error *error)
{
	return error_set(error, ERROR_DAMAGED, "an index holds nonsense");
}

static int
load_applied(void *context, struct index_key key, struct span value,
	struct error *error)
{
	struct loading *loading = context;
	struct codec_reader reader;
	(void)key;
	codec_reader_init(&reader, value);
	loading->applied.mark.segment = codec_read_u64(&reader);
	loading->applied.mark.offset = codec_read_u64(&reader);
	loading->applied.salt = codec_read_u32(&reader);
	loading->applied.crc = codec_read_u32(&reader);
	return codec_reader_is_done(&reader) ? 0 : refuse(error);
}

static int
load_mailbox(void *context, struct index_key key, struct span value,
	struct error *error)
{
	struct loading *loading = context;
	struct codec_reader reader;
	struct mailbox *mailbox = get_mailbox(loading->account, key.a);
	codec_reader_init(&reader, value);
	if (mailbox == NULL || mailbox->tree != NULL)
		return refuse(error);
	loading->has_mailboxes = true;
	struct tree *tree = tree_new(mailbox->id, 0, 0);
	mailbox->tree = tree;
	tree->uid_validity = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	tree->uid_next = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	tree->modseq = codec_read_varint(&reader);
	tree->floor = codec_read_varint(&reader);
	uint64_t count = codec_read_number(&reader, STORE_KEYWORD_LIMIT);
	while (count-- > 0 && !reader.is_failed) {
		unsigned number = (unsigned)codec_read_number(&reader,
			STORE_KEYWORD_LIMIT - 1);
		struct span name = codec_read_bytes(&reader);
		if (!reader.is_failed)
			tree_set_keywords(tree, keywords_with(tree->keywords,
				number, name));
	}
	return codec_reader_is_done(&reader) ? 0 : refuse(error);
}

/* Blocks of a mailbox that is gone: what was left for views that were open. */
static int
load_summary(void *context, struct index_key key, struct span value,
	struct error *error)
{
	struct loading *loading = context;
	struct mailbox *mailbox = loading->mailbox;
	if (mailbox == NULL || mailbox->id != key.a)
		mailbox = key.a > UINT32_MAX ? NULL :
			account_mailbox(loading->account, (uint32_t)key.a);
	loading->mailbox = mailbox;
	if (mailbox == NULL || mailbox->tree == NULL) {
		index_dirty_mailbox_gone(loading->index->dirty,
			(uint32_t)key.a);
		return 0;
	}
	if (key.b > UINT32_MAX || key.b % BLOCK_SLOTS != 0)
		return refuse(error);
	struct node *node = node_new(mailbox->id, (uint32_t)key.b, 0,
		&loading->index->budget);
	node->is_stored = true;
	tree_append(mailbox->tree, node);
	return summary_decode(value, &node->summary) ? 0 : refuse(error);
}

static int
load_object(void *context, struct index_key key, struct span value,
	struct error *error)
{
	struct loading *loading = context;
	struct codec_reader reader;
	codec_reader_init(&reader, value);
	uint64_t placements = codec_read_varint(&reader);
	uint64_t bytes = codec_read_varint(&reader);
	index_object_change(loading->index, key.a == 0 ? LOG_BODY : key.a,
		key.b, (int64_t)placements, (int64_t)bytes);
	return codec_reader_is_done(&reader) ? 0 : refuse(error);
}

static int
load_recent(void *context, struct index_key key, struct span value,
	struct error *error)
{
	struct loading *loading = context;
	struct codec_reader reader;
	codec_reader_init(&reader, value);
	uint32_t uid = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	struct mailbox *mailbox = key.a > UINT32_MAX ? NULL :
		account_mailbox(loading->account, (uint32_t)key.a);
	if (reader.is_failed)
		return refuse(error);
	if (mailbox != NULL) {
		pthread_mutex_lock(&loading->account->lock);
		mailbox->recent = uid;
		pthread_mutex_unlock(&loading->account->lock);
	}
	return 0;
}

static int
load_all(struct loading *loading, struct error *error)
{
	struct index_db *db = loading->index->db;
	struct account *account = loading->account;
	if (index_db_each_item(db, INDEX_APPLIED, load_applied, loading,
			error) < 0 ||
	    index_db_each_item(db, INDEX_MAILBOX, load_mailbox, loading,
			error) < 0 ||
	    index_db_each_item(db, INDEX_SUMMARY, load_summary, loading,
			error) < 0 ||
	    index_db_each_item(db, INDEX_OBJECT, load_object, loading,
			error) < 0 ||
	    index_db_each_item(db, INDEX_RECENT, load_recent, loading,
			error) < 0)
		return -1;
	for (size_t i = 0; i < account->mailbox_count; i++)
		if (account->mailbox[i]->tree != NULL)
			tree_seal(account->mailbox[i]->tree);
	return 0;
}

/* ---- putting it together ---- */

/* Trees of whatever was there go, and mailboxes that only a file knew. */
static void
drop_trees(struct account *account)
{
	pthread_mutex_lock(&account->lock);
	for (size_t i = account->mailbox_count; i > 0; i--) {
		struct mailbox *mailbox = account->mailbox[i - 1];
		tree_free(&mailbox->tree);
		tree_free(&mailbox->published_tree);
		if (!mailbox->working.is_there && !mailbox->published.is_there)
			account_mailbox_remove(account, mailbox);
	}
	pthread_mutex_unlock(&account->lock);
}

/* The list of mailboxes is the head's; trees follow it, and the quota trees. */
static void
agree_with_head(struct account *account, struct index *index)
{
	struct change change;
	struct log_applied end = log_end(account->log);
	uint64_t bytes = 0, messages = 0;
	change_init(&change, account, index, false, 0);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		struct mailbox *mailbox = account->mailbox[i];
		struct mailbox_facts *facts = &mailbox->working;
		bool has_tree = facts->is_there && !facts->is_name_only;
		if (mailbox->tree == NULL ? has_tree : has_tree &&
		    (mailbox->tree->uid_next < facts->uid_next ||
		    mailbox->tree->modseq < facts->modseq)) {
			struct tree *tree = change_tree(&change, mailbox);
			if (facts->uid_next > tree->uid_next)
				tree->uid_next = facts->uid_next;
			if (facts->modseq > tree->modseq)
				tree->modseq = facts->modseq;
		} else if (mailbox->tree != NULL && !has_tree) {
			change_mailbox_gone(&change, mailbox);
		}
		if (mailbox->tree == NULL)
			continue;
		bytes += mailbox->tree->total.size;
		messages += mailbox->tree->total.there;
	}
	if (change.touched_count > 0)
		change_publish(&change, &end);
	change_fini(&change);
	pthread_mutex_lock(&account->lock);
	account->working.bytes = account->published.bytes = bytes;
	account->working.messages = account->published.messages = messages;
	pthread_mutex_unlock(&account->lock);
}

static void
publish_trees(struct account *account, struct index *index)
{
	pthread_mutex_lock(&account->lock);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->tree != NULL && mailbox->published_tree == NULL)
			mailbox->published_tree = tree_share(mailbox->tree);
		if (mailbox->recent == 0 && mailbox->tree != NULL)
			mailbox->recent = mailbox->tree->uid_next;
	}
	account->index = index;
	pthread_mutex_unlock(&account->lock);
	pthread_mutex_lock(&index->dirty_lock);
	index->dirty->applied = log_end(account->log);
	pthread_mutex_unlock(&index->dirty_lock);
	atomic_store(&account->wants_space, true);
}

/* An index that is behind: what the log has beyond it. */
static int
open_as_it_is(struct account *account, struct index *index,
	struct error *error)
{
	struct loading loading = { .account = account, .index = index };
	if (load_all(&loading, error) < 0)
		return -1;
	if (loading.applied.mark.segment == 0 && !loading.has_mailboxes)
		return replay_log(account, index, NULL, false, error);
	if (loading.applied.mark.segment == 0 ||
	    !log_has(account->log, &loading.applied))
		return error_set(error, ERROR_GONE,
			"the index knows something else than the log");
	struct log_applied end = log_end(account->log);
	if (memcmp(&end, &loading.applied, sizeof(end)) == 0)
		return 0;
	return replay_log(account, index, &loading.applied, false, error);
}

/* Makes it again: in its place, or in memory when the disk is full. */
static int
open_anew(struct account *account, enum index_start start,
	struct index **index, struct error *error)
{
	int directory = log_cache_directory(account->log);
	struct budget *budget = &account->store->budget;
	char id[ACCOUNT_ID_TEXT];
	account_id_text(account->id, id);
	log_event(LOG_INFO, "index-rebuild", NULL, LOG_TEXT("account", id),
		LOG_TEXT("reason", error->text));
	drop_trees(account);
	index_free(index);
	int result = index_open(directory, budget, start, index, error);
	if (result < 0 && error->code == ERROR_FULL)
		result = index_open(-1, budget, start, index, error);
	return result < 0 ? -1 : replay_log(account, *index, NULL, false,
		error);
}

/* Does it help to make the index again? Not when it is the log that cannot be
 * read. */
static bool
is_of_index(const struct index *index, const struct error *error)
{
	return index == NULL || atomic_load(&index->is_broken) ||
		error->code == ERROR_GONE || error->code == ERROR_DAMAGED ||
		error->code == ERROR_FULL;
}

int
account_index_open(struct account *account, struct error *error)
{
	struct index *index = NULL;
	bool was_broken = account->index != NULL;
	account_index_close(account);
	int result = index_open(log_cache_directory(account->log),
		&account->store->budget, was_broken ? INDEX_DAMAGED :
		INDEX_AS_IT_IS, &index, error);
	if (result == 0)
		result = open_as_it_is(account, index, error);
	if (result < 0 && is_of_index(index, error))
		result = open_anew(account, error->code == ERROR_DAMAGED ?
			INDEX_DAMAGED : INDEX_ANEW, &index, error);
	if (result < 0) {
		drop_trees(account);
		index_free(&index);
		return error_wrap(error, "opening the index of account %016llx",
			(unsigned long long)account->id);
	}
	agree_with_head(account, index);
	index_db_tidy(index->db);
	publish_trees(account, index);
	store_note_index(account, true);
	return 0;
}

static void
close_index(struct account *account, bool only_unused)
{
	pthread_mutex_lock(&account->lock);
	struct index *index = account->index;
	/* Readers take references under the lock. */
	if (index != NULL && only_unused && atomic_load(&index->refs) > 1)
		index = NULL;
	if (index != NULL)
		account->index = NULL;
	pthread_mutex_unlock(&account->lock);
	if (index == NULL)
		return;
	drop_trees(account);
	index_free(&index);
	store_note_index(account, false);
}

void
account_index_close(struct account *account)
{
	close_index(account, false);
}

void
account_index_close_unused(struct account *account)
{
	close_index(account, true);
}

/* ---- for readers ---- */

static enum store_verdict
prepare_nothing(struct op *op, struct group *group)
{
	(void)op;
	(void)group;
	return STORE_OK;
}

/* With the lock held: false when the index must be opened first. */
static bool
take_tree(struct account *account, uint32_t id, struct index **index,
	struct tree **tree)
{
	if (account->index == NULL || atomic_load(&account->index->is_broken))
		return false;
	*index = index_share(account->index);
	if (tree == NULL)
		return true;
	const struct mailbox *mailbox = account_mailbox(account, id);
	*tree = mailbox == NULL || !mailbox->published.is_there ||
		mailbox->published_tree == NULL ? NULL :
		tree_share(mailbox->published_tree);
	return true;
}

enum store_verdict
account_tree_get(const struct store_account *handle, uint32_t mailbox,
	struct index **index, struct tree **tree, struct error *error)
{
	struct account *account = handle->account;
	*index = NULL;
	if (!account_allows(handle))
		return STORE_DENIED;
	for (;;) {
		pthread_mutex_lock(&account->lock);
		bool is_open = take_tree(account, mailbox, index, tree);
		pthread_mutex_unlock(&account->lock);
		if (is_open)
			break;
		struct op op = { .prepare = prepare_nothing,
			.needs_index = true };
		if (commit_run(handle, &op, error) != STORE_OK)
			return STORE_TROUBLE;
	}
	if (tree == NULL || *tree != NULL)
		return STORE_OK;
	index_free(index);
	return STORE_NO_MAILBOX;
}
