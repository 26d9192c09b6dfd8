/* The tree of names for LIST. */
#include "mailbox/imap/list_tree.h"

#include "mailbox/imap/access.h"

static size_t
count_levels(struct span name)
{
	size_t levels = 1;
	for (size_t i = 0; i < name.size; i++)
		levels += name.data[i] == '/';
	return levels;
}

static bool
is_below(struct span name, struct span parent)
{
	return name.size > parent.size && name.data[parent.size] == '/' &&
		span_starts(name, parent);
}

static struct list_entry *
add_entry(struct list_tree *tree, struct list_entry *parent,
	struct span name)
{
	struct list_entry *entry = &tree->entry[tree->count++];
	*entry = (struct list_entry){ .name = name, .parent = parent };
	return entry;
}

/* The parent of a name, made with those above it where they are missing;
 * `last` is the entry before it in order. */
static struct list_entry *
find_parent(struct list_tree *tree, struct list_entry *last, struct span name)
{
	while (last != NULL && !is_below(name, last->name))
		last = last->parent;
	for (;;) {
		size_t start = last == NULL ? 0 : last->name.size + 1;
		size_t end = start + span_find(span_skip(name, start), '/');
		if (end >= name.size)
			return last;
		last = add_entry(tree, last, span_first(name, end));
	}
}

void
list_tree_make(struct arena *arena, const struct store_mailbox *mailboxes,
	size_t count, struct list_tree *tree)
{
	struct list_entry *last = NULL;
	size_t most = 0;
	for (size_t i = 0; i < count; i++)
		most += count_levels(mailboxes[i].name);
	*tree = (struct list_tree){
		.entry = arena_new_array(arena, most, sizeof(*tree->entry))
	};
	for (size_t i = 0; i < count; i++) {
		const struct store_mailbox *row = &mailboxes[i];
		struct list_entry *parent = find_parent(tree, last, row->name);
		last = add_entry(tree, parent, row->name);
		last->id = row->id;
		last->use = row->use;
		last->is_subscribed = row->is_subscribed;
		if (row->id == 0)
			continue;
		for (; parent != NULL && !parent->has_children;
		    parent = parent->parent)
			parent->has_children = true;
	}
}

bool
list_tree_read(struct imap_session *imap, struct imap_command *command,
	struct list_tree *tree)
{
	struct error error = { 0 };
	struct store_mailbox *mailboxes;
	size_t count;
	struct store_account *account = imap_account(imap, command);
	if (account == NULL || !imap_is_done(imap, command,
	    store_mailbox_list(account, command->parse.arena, &mailboxes,
	    &count, &error), &error))
		return false;
	list_tree_make(command->parse.arena, mailboxes, count, tree);
	return true;
}
