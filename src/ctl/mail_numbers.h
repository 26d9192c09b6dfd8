/*
 * Which messages a command of `mail` means: "3", "1-4", "*", ".", "$", "^", "+",
 * "-", ":u" (unread; n new, d deleted, r read, o old), "/word" (in the subject),
 * a sender's name, and several of them.
 */
#ifndef CTL_MAIL_NUMBERS_H
#define CTL_MAIL_NUMBERS_H

#include "ctl/mail_box.h"

/* Sets is_chosen[count]; `current` counts from 0. Deleted messages are only
 * meant when is_undelete. NULL, or the sentence for the user (in the arena). */
const char *
mail_numbers_choose(const struct mail_box *box, struct span list,
	size_t current, bool is_undelete, struct arena *arena, bool *is_chosen);

#endif
