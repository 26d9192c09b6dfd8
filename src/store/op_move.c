/*
 * Moving bodies to the end of the log: their message records once more, and a
 * record that says whose they are now. Nothing that a client sees changes.
 */
#include "store/apply.h"
#include "store/compact.h"
#include "store/op.h"

struct move_op {
	struct op op;
	const struct compact_body *body;
	size_t count;
};

static bool
is_still_there(const struct group *group,
	const struct compact_placement *placement)
{
	const struct mailbox *mailbox = op_mailbox(group, placement->mailbox);
	struct slot slot;
	return mailbox != NULL && mailbox->tree != NULL &&
		walk_find(group->change.index, mailbox->tree, placement->uid,
			&slot) &&
		slot.email == placement->email &&
		slot.segment == placement->segment &&
		slot.offset == placement->offset;
}

/* False: nothing of it is there any more. */
static bool
add_body(struct group *group, const struct compact_body *body,
	struct buffer *bodies, struct buffer *placements)
{
	size_t count = 0;
	buffer_clear(placements);
	for (size_t i = 0; i < body->count; i++) {
		const struct compact_placement *placement = &body->placement[i];
		if (!is_still_there(group, placement))
			continue;
		record_put_moved_placement(placements, placement->mailbox,
			placement->uid);
		count++;
	}
	if (count == 0)
		return false;
	record_put_moved_body(bodies, body->placement[0].email,
		group_add_pieces(group, RECORD_MESSAGE, 0, &body->payload, 1),
		count);
	buffer_add(bodies, buffer_span(placements));
	return true;
}

static enum store_verdict
prepare(struct op *base, struct group *group)
{
	struct move_op *op = (struct move_op *)base;
	struct buffer bodies, placements, payload;
	size_t count = 0;
	buffer_init(&bodies, 0);
	buffer_init(&placements, 0);
	buffer_init(&payload, 0);
	for (size_t i = 0; i < op->count; i++)
		count += add_body(group, &op->body[i], &bodies, &placements);
	if (count > 0) {
		codec_add_varint(&payload, count);
		buffer_add(&payload, buffer_span(&bodies));
		group_add(group, RECORD_MOVED, 0, &payload);
		group->change.is_silent = true;
		apply_moved(&group->change, buffer_span(&payload), false);
	}
	buffer_fini(&bodies);
	buffer_fini(&placements);
	buffer_fini(&payload);
	return STORE_OK;
}

enum store_verdict
op_move_bodies(struct account *account, const struct compact_body *bodies,
	size_t count, struct error *error)
{
	struct store_account handle = { .account = account };
	struct move_op op = {
		.op = { .prepare = prepare, .needs_index = true,
			.is_alone = true },
		.body = bodies, .count = count,
	};
	return commit_run(&handle, &op.op, error);
}
