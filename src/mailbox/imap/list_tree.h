/*
 * All names of an account as LIST looks at them: each with its parents, also
 * those that no mailbox has, in order, parents before children.
 */
#ifndef MAILBOX_IMAP_LIST_TREE_H
#define MAILBOX_IMAP_LIST_TREE_H

#include "mailbox/imap/imap.h"

struct list_entry {
	struct span name;
	uint32_t id;			/* 0: no mailbox has this name */
	unsigned use;			/* enum store_use */
	bool is_subscribed;
	bool has_children;		/* mailboxes, not only names, below it */
	bool is_marked;			/* for whoever walks the tree */
	struct list_entry *parent;
};

struct list_tree {
	struct list_entry *entry;	/* in the command's arena */
	size_t count;
};

/* False: NO has been said. */
bool
list_tree_read(struct imap_session *imap, struct imap_command *command,
	struct list_tree *tree);

/* The same from rows of the store, sorted with levels together. */
void
list_tree_make(struct arena *arena, const struct store_mailbox *mailboxes,
	size_t count, struct list_tree *tree);

#endif
