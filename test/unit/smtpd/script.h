/*
 * Conversations as text, one step a line:
 *
 *	C: line		the client sends this line with CRLF
 *	R: bytes	the client sends exactly this; \r \n \0 \\ mean what they
 *			mean in C
 *	S: text		the next reply begins so
 *	S+ text		a line of the last reply begins so
 *	S- text		no line of the last reply begins so
 *	X		the server has closed the connection
 *	Q number	so many messages came to the queue so far
 *	QC text		the commands of the last one hold this (escapes as above)
 *	QC- text	they do not
 *	QB text		its content holds this
 *	QB- text	it does not
 *	F number	these faults from now on (enum world_fault)
 *	G		auth's accounts change
 *	L number	auth-user was asked so often since the conversation began
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "world.h"

struct script {
	const char *name;
	const char *service, *address;
	const char *overrides[4];
	const char *steps;
};

/* Plays one in a world of its own; fails the test with the step it is at. */
void
script_play(const struct script *script);

#endif
