/*
 * What operations share.
 */
#include "store/op.h"

#include "store/apply.h"

struct mailbox *
op_mailbox(const struct group *group, uint32_t id)
{
	struct mailbox *mailbox = account_mailbox(group->account, id);
	return mailbox == NULL || !mailbox->working.is_there ||
		mailbox->working.is_name_only ? NULL : mailbox;
}

/* ---- sets ---- */

void
op_set_init(struct op_set *set, const struct number_set *asked)
{
	*set = (struct op_set){ .asked = asked };
	number_set_init(&set->uids);
}

void
op_set_fini(struct op_set *set)
{
	number_set_fini(&set->uids);
}

/* Did the walk see everything that is between the two? */
static bool
saw_all_between(const struct number_set *asked, uint32_t first, uint32_t last)
{
	if (asked == NULL)
		return true;
	size_t low = 0, high = asked->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (asked->range[middle].last < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < asked->count && asked->range[low].first <= first &&
		asked->range[low].last >= last;
}

void
op_set_see(struct op_set *set, uint32_t uid, bool is_taken)
{
	uint32_t before = set->last_seen;
	set->last_seen = uid;
	if (!is_taken)
		return;
	uint32_t first = before != 0 && before == set->last_taken &&
		saw_all_between(set->asked, before, uid) ? before + 1 : uid;
	number_set_add(&set->uids, first, uid);
	set->last_taken = uid;
}

/* ---- keywords ---- */

/* Numbers that no message has. */
static uint64_t
find_unused(const struct tree *tree)
{
	uint64_t used = 0;
	struct tree_at at;
	for (bool more = tree_first(tree, &at); more;
	    more = tree_next(tree, &at))
		used |= tree_node(tree, at)->summary.flags_any;
	return ~(used >> STORE_KEYWORD_SHIFT) &
		(((uint64_t)1 << STORE_KEYWORD_LIMIT) - 1);
}

/* A free number: one never used, else one that nothing has. */
static int
find_number(const struct tree *tree, uint64_t taken)
{
	unsigned count = tree->keywords == NULL ? 0 : tree->keywords->count;
	for (unsigned i = count; i < STORE_KEYWORD_LIMIT; i++)
		if ((taken >> i & 1) == 0)
			return (int)i;
	uint64_t unused = find_unused(tree) & ~taken;
	return unused == 0 ? -1 : __builtin_ctzll(unused);
}

/* The name among those that are going to be made; -1 when it is not. */
static int
find_made(const struct op_keywords *keywords, struct span name)
{
	for (unsigned i = 0; i < keywords->count; i++)
		if (span_equals_nocase(keywords->name[i], name))
			return (int)keywords->number[i];
	return -1;
}

enum store_verdict
op_keywords_find(const struct mailbox *mailbox,
	const struct store_flags *flags, bool makes,
	struct op_keywords *keywords)
{
	const struct tree *tree = mailbox->tree;
	uint64_t taken = 0;
	keywords->bits = flags->system & OP_SYSTEM_FLAGS;
	keywords->count = 0;
	for (size_t i = 0; i < flags->keyword_count; i++) {
		int number = keywords_find(tree->keywords, flags->keyword[i]);
		if (number >= 0)
			taken |= (uint64_t)1 << number;
	}
	for (size_t i = 0; i < flags->keyword_count; i++) {
		struct span name = flags->keyword[i];
		int number = keywords_find(tree->keywords, name);
		if (number < 0)
			number = find_made(keywords, name);
		if (number < 0 && makes) {
			number = find_number(tree, taken);
			if (number < 0 || name.size == 0 ||
			    name.size > STORE_KEYWORD_SIZE)
				return STORE_TOO_MANY;
			keywords->number[keywords->count] = (unsigned)number;
			keywords->name[keywords->count++] = name;
		}
		if (number < 0)
			continue;
		taken |= (uint64_t)1 << number;
		keywords->bits |= (uint64_t)1 << (STORE_KEYWORD_SHIFT + number);
	}
	return STORE_OK;
}

void
op_keywords_make(struct group *group, const struct mailbox *mailbox,
	const struct op_keywords *keywords)
{
	for (unsigned i = 0; i < keywords->count; i++) {
		struct record_keyword keyword = { mailbox->id,
			keywords->number[i], keywords->name[i] };
		struct buffer payload;
		buffer_init(&payload, 0);
		record_put_keyword(&payload, &keyword);
		apply_keyword(&group->change, &keyword, group_add(group,
			RECORD_KEYWORD, 0, &payload));
		buffer_fini(&payload);
	}
}
