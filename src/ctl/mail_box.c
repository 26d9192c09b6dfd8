/* What all kinds of mailboxes have; see mail_box.h. */
#include "ctl/mail_box.h"

#include "base/memory.h"
#include "ctl/mail_text.h"

struct mail_message *
mail_box_add(struct mail_box *box)
{
	if (box->count == box->room) {
		box->room = box->room > 0 ? box->room * 2 : 64;
		box->message = memory_resize(box->message,
			box->room * sizeof(*box->message));
	}
	struct mail_message *message = &box->message[box->count++];
	*message = (struct mail_message){ .uid = 0 };
	return message;
}

void
mail_box_take_head(struct mail_box *box, struct mail_message *message,
	struct span head)
{
	struct arena arena;
	struct span from, subject;
	arena_init(&arena, 0);
	mail_text_find_head(&arena, head, &from, &subject);
	message->from = arena_copy(&box->arena, from);
	message->subject = arena_copy(&box->arena, subject);
	message->is_loaded = true;
	arena_fini(&arena);
}

void
mail_box_free(struct mail_box **box)
{
	memory_free((*box)->message);
	arena_fini(&(*box)->arena);
	memory_free(*box);
	*box = NULL;
}
