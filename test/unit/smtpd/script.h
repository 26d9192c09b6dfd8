/*
 * Conversations as text (test/wire/smtp/README.md), played against smtpd among
 * the neighbours of world.h.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "world.h"

struct script {
	char name[256];		/* of the file */
	char service[16];
	char address[64];	/* empty: a Unix socket */
	char override[4][128];
	bool is_whole;		/* not byte by byte */
	struct span steps;	/* borrowed from the text */
};

/* False when the text does not begin as one does. */
bool
script_parse(struct span text, struct script *script);

/* Plays one in a world of its own; ends the test with the step it is at. */
void
script_play(const struct script *script, bool byte_by_byte);

#endif
